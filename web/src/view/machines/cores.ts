import { megahertz, percent } from "../../core/format.ts";
import type { Core } from "../../wire.ts";
import { h, Keyed, setHidden, setText } from "../dom.ts";

interface Bar {
  element: HTMLElement;
  fill: HTMLElement;
  value: HTMLElement;
}

/** How busy each core is now. */
export class Cores {
  readonly element: HTMLElement;
  readonly #bars: Keyed<[number, Core], Bar>;

  constructor() {
    const list = h("ol", { class: "cores" });
    this.element = h(
      "figure",
      { class: "chart cores-chart" },
      h("figcaption", {}, "Cores, now"),
      list,
    );
    this.#bars = new Keyed(list, ([index]) => String(index), makeBar, updateBar);
  }

  show(cores: readonly Core[]): void {
    setHidden(this.element, cores.length === 0);
    this.#bars.show(cores.map((core, index) => [index, core]));
  }
}

function makeBar([index]: [number, Core]): Bar {
  const fill = h("span", { class: "core-fill" });
  const value = h("span", { class: "core-value" });
  const track = h("span", { class: "core-track", "aria-hidden": "true" }, fill);
  const name = h("span", { class: "core-name" }, `Core ${index}`);
  return { element: h("li", { class: "core" }, name, track, value), fill, value };
}

function updateBar(bar: Bar, [, core]: [number, Core]): void {
  const busy = core.percents?.busy_percent;
  bar.fill.style.setProperty("--part", String((busy ?? 0) / 100));
  const frequency = core.frequency_mhz ? ` · ${megahertz(core.frequency_mhz)}` : "";
  setText(bar.value, percent(busy) + frequency);
}
