import uPlot from "uplot";
import type { Columns } from "../../core/columns.ts";
import { clock, type Figure } from "../../core/format.ts";
import { PAGE_SECONDS } from "../../core/machines.ts";
import { h } from "../dom.ts";

/** One line of a chart: the column it shows, its words, and its colour (a custom property). */
export interface Line {
  column: string;
  label: string;
  colour: string;
}

export interface ChartOptions {
  title: string;
  lines: readonly Line[];
  stacked?: boolean; // each line on top of those before it
  most?: number; // the scale's fixed upper end
  least?: number; // else: its upper end is at least this
  binary?: boolean; // ticks at powers of two, as bytes are counted
  format(figure: Figure): string;
}

const HEIGHT_PX = 168;
const LEAST_SECONDS = 120;
const MINUTES = [1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60);
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);
const together = uPlot.sync("machine"); // one cursor over all charts

/** The last hour of some figures. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #place = h("div", { class: "chart-place" });
  readonly #resizes: ResizeObserver;
  #plot: uPlot | null = null;
  #lines: readonly Line[] = [];
  #data: uPlot.AlignedData = [[]];
  #plain: (number | null)[][] = []; // what the stacked lines stand for

  constructor(options: ChartOptions) {
    this.#options = options;
    this.element = h("figure", { class: "chart" }, h("figcaption", {}, options.title), this.#place);
    this.#resizes = new ResizeObserver(() => {
      const width = this.#place.clientWidth;
      if (width > 0) this.#plot?.setSize({ width, height: HEIGHT_PX });
    });
    this.#resizes.observe(this.#place);
  }

  dispose(): void {
    this.#resizes.disconnect();
    this.#drop();
  }

  /** The colours or the lines have changed: begin anew. */
  redraw(course: Columns): void {
    this.#drop();
    this.show(course);
  }

  show(course: Columns): void {
    const lines = this.#options.lines.filter((line) => course.has(line.column));
    const same = lines.length === this.#lines.length;
    this.#plain = lines.map((line) => course.column(line.column));
    this.#data = [course.times, ...(this.#options.stacked ? stack(this.#plain) : this.#plain)];
    this.element.hidden = lines.length === 0;
    if (lines.length === 0 || !this.element.isConnected) return;
    if (this.#plot && same) this.#plot.setData(this.#data);
    else {
      this.#drop();
      this.#lines = lines;
      this.#plot = new uPlot(this.#setup(lines), this.#data, this.#place);
      together.sub(this.#plot);
    }
  }

  #drop(): void {
    if (!this.#plot) return;
    together.unsub(this.#plot);
    this.#plot.destroy();
    this.#plot = null;
  }

  #setup(lines: readonly Line[]): uPlot.Options {
    const colour = (name: string) => resolve(this.#place, name);
    const { format, most, least = 1, stacked, binary } = this.#options;
    const axis = {
      stroke: colour("text-faint"),
      grid: { stroke: colour("grid"), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(this.element).fontFamily}`,
    };
    return {
      width: Math.max(200, this.#place.clientWidth),
      height: HEIGHT_PX,
      cursor: { sync: { key: together.key }, drag: { x: false, y: false }, points: { size: 7 } },
      legend: { live: true },
      scales: {
        x: { range: (_plot, min, max) => [max - shownSeconds(max - min), max] },
        y: { range: (_plot, _min, max) => [0, most ?? Math.max(least, (max ?? 0) * 1.08)] },
      },
      axes: [
        {
          ...axis,
          size: 30,
          space: 70,
          incrs: MINUTES,
          values: (_plot, ticks) => ticks.map(clock),
        },
        {
          ...axis,
          size: 62,
          space: 36,
          ...(binary ? { incrs: POWERS_OF_TWO } : {}),
          values: (_plot, ticks) => ticks.map((tick) => format(tick).replace(".0 ", " ")),
        },
      ],
      series: [
        { label: "Time", value: (_plot, time) => (time === null ? "" : clockWithSeconds(time)) },
        ...lines.map((line, index) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: 1.5,
          ...(stacked ? { fill: faint(colour(line.colour)) } : {}),
          points: { show: false },
          value: (_plot: uPlot, _figure: number | null, _series: number, row: number | null) =>
            format(this.#plain[index]?.[row ?? (this.#plain[index]?.length ?? 0) - 1]),
        })),
      ],
      ...(stacked
        ? { bands: lines.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] })) }
        : {}),
    };
  }
}

/** Each line on the sum of those before it; absent where all of them are. */
function stack(lines: (number | null)[][]): (number | null)[][] {
  const sums: number[] = [];
  return lines.map((line) =>
    line.map((figure, index) => {
      const before = sums[index] ?? 0;
      sums[index] = before + (figure ?? 0);
      return figure === null && before === 0 ? null : sums[index];
    }),
  );
}

/** A drawing surface knows no custom properties: what this one is, here and now, as "rgb(...)". */
function resolve(place: HTMLElement, property: string): string {
  const probe = h("span");
  probe.style.color = `var(--${property})`;
  place.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function faint(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/u, "rgba($1, 0.35)");
}

/** All there is, up to the hour; a young machine's minutes are not squeezed into a corner of it. */
function shownSeconds(span: number): number {
  return Math.min(PAGE_SECONDS, Math.max(LEAST_SECONDS, span));
}

function clockWithSeconds(time: number): string {
  return new Date(time * 1000).toLocaleTimeString();
}
