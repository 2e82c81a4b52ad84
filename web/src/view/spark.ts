import type { Column } from "../core/columns.ts";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 30;
const LEAST_SECONDS = 60;

/** A figure's recent course as a line without axes. Its words stand beside it. */
export class Spark {
  readonly element: SVGSVGElement;
  readonly #line = document.createElementNS(SVG, "path");
  readonly #area = document.createElementNS(SVG, "path");

  constructor() {
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "spark");
    this.element.setAttribute("aria-hidden", "true");
    this.#line.setAttribute("class", "spark-line");
    this.#area.setAttribute("class", "spark-area");
    this.element.append(this.#area, this.#line);
  }

  /** `most`: the figure at the upper edge; without it the highest shown, but at least `least`. */
  show(times: readonly number[], figures: Column, most?: number, least = 1): void {
    const end = times.at(-1) ?? 0;
    const seconds = Math.max(LEAST_SECONDS, end - (times[0] ?? end));
    const top = most ?? Math.max(least, ...figures.map((figure) => figure ?? 0)) * 1.1;
    const runs = pathRuns(times, figures, (time, figure) => [
      WIDTH * (1 - (end - time) / seconds),
      HEIGHT - 1 - (HEIGHT - 2) * Math.min(1, figure / top),
    ]);
    this.#line.setAttribute("d", runs.map((run) => `M${run.join("L")}`).join(""));
    this.#area.setAttribute("d", runs.map(closed).join(""));
  }
}

/** The points of each unbroken run; where a figure is absent the line breaks. */
function pathRuns(
  times: readonly number[],
  figures: Column,
  place: (time: number, figure: number) => [number, number],
): string[][] {
  const runs: string[][] = [];
  let run: string[] = [];
  for (const [index, time] of times.entries()) {
    const figure = figures[index];
    if (figure === null || figure === undefined) {
      if (run.length > 0) runs.push(run);
      run = [];
    } else
      run.push(
        place(time, figure)
          .map((part) => part.toFixed(2))
          .join(" "),
      );
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

function closed(run: string[]): string {
  const first = run[0]?.split(" ")[0];
  const last = run.at(-1)?.split(" ")[0];
  return `M${first} ${HEIGHT}L${run.join("L")}L${last} ${HEIGHT}Z`;
}
