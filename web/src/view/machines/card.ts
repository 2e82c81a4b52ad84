import type { Machine } from "../../core/machines.ts";
import {
  bytesPerSecond,
  dateAndTime,
  decimal,
  duration,
  type Figure,
  percent,
} from "../../core/format.ts";
import { sum } from "../../core/figures.ts";
import { formatRoute } from "../../core/route.ts";
import { h, setAttribute, setHidden, setText } from "../dom.ts";
import { Spark } from "../spark.ts";

/** One figure of a card: its name, its value, its course. */
interface Line {
  label: string;
  figures: readonly string[]; // columns of the course, added up
  most?: number;
  least?: number;
  format(figure: Figure): string;
  tone: string;
}

const LINES: readonly Line[] = [
  { label: "CPU", figures: ["cpu_percent"], most: 100, format: percent, tone: "cpu" },
  { label: "Memory", figures: ["memory_percent"], most: 100, format: percent, tone: "memory" },
  { label: "Load", figures: ["load_1"], format: decimal, tone: "load" },
  {
    label: "Network",
    figures: ["received_bytes_per_second", "sent_bytes_per_second"],
    least: 10_240,
    format: bytesPerSecond,
    tone: "network",
  },
  {
    label: "Disk",
    figures: ["read_bytes_per_second", "written_bytes_per_second"],
    least: 10_240,
    format: bytesPerSecond,
    tone: "disk",
  },
];

/** A machine at a glance; a link to all of it. */
export class MachineCard {
  readonly element: HTMLElement;
  readonly #name = h("span", { class: "machine-name" });
  readonly #state = h("span", { class: "machine-state" });
  readonly #link = h("a", { class: "card-link" }, this.#name);
  readonly #lines: { line: Line; value: HTMLElement; spark: Spark }[] = [];
  readonly #last = h("p", { class: "hint" });
  readonly #figures = h("dl", { class: "card-figures" });

  /** `brief`: the first two figures only, for the margin of a room. */
  constructor(brief = false) {
    for (const line of brief ? LINES.slice(0, 2) : LINES) {
      const value = h("dd", { class: "value" });
      const spark = new Spark();
      this.#figures.append(
        h(
          "div",
          { class: `card-line tone-${line.tone}` },
          h("dt", {}, line.label),
          spark.element,
          value,
        ),
      );
      this.#lines.push({ line, value, spark });
    }
    const head = h(
      brief ? "h3" : "h2",
      {},
      h("span", { class: "dot", "aria-hidden": "true" }),
      this.#link,
    );
    this.element = h(
      "li",
      { class: `card${brief ? " brief" : ""}` },
      h("div", { class: "card-head" }, head, this.#state),
      brief ? null : this.#last,
      this.#figures,
    );
  }

  update(machine: Machine, now: number): void {
    const { info, course, summary } = machine;
    const here = info.state === "here";
    setText(this.#name, info.name);
    setAttribute(this.#link, "href", formatRoute({ view: "machine", machine: info.id }));
    this.element.classList.toggle("is-away", !here);
    setText(this.#state, stateWords(machine, now));
    setHidden(this.#figures, !here);
    setText(this.#last, here ? "" : `Last heard ${dateAndTime(info.since)}`);
    if (!here) return;
    for (const { line, value, spark } of this.#lines) {
      const latest = line.figures.map((name) => summary?.[name as keyof typeof summary] as Figure);
      setText(value, line.format(sum(latest)));
      spark.show(course.times, course.sums(line.figures), line.most, line.least);
    }
  }
}

/** Since when it is here or away. */
export function stateWords(machine: Machine, now: number): string {
  const since = duration(coarse(now - machine.info.since));
  return machine.info.state === "here" ? `here for ${since}` : `away for ${since}`;
}

/** Past the first minutes a change every second is noise. */
function coarse(seconds: number): number {
  return seconds < 120 ? seconds : Math.floor(seconds / 60) * 60;
}
