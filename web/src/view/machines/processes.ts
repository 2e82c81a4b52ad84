import type { Client } from "../../core/client.ts";
import { bytes, clock, count, duration, percent } from "../../core/format.ts";
import { type SortKey, sortProcesses } from "../../core/processes.ts";
import { Refused } from "../../core/requests.ts";
import type { ProcessFigures, Sample } from "../../wire.ts";
import { h, Keyed, setAttribute, setText } from "../dom.ts";

const TOP = 20;

interface Column {
  key: SortKey;
  label: string;
  numeric: boolean;
  show(process: ProcessFigures): string;
}

const COLUMNS: readonly Column[] = [
  { key: "pid", label: "PID", numeric: true, show: (p) => String(p.pid) },
  { key: "name", label: "Name", numeric: false, show: (p) => p.name },
  { key: "user", label: "User", numeric: false, show: (p) => p.user || "–" },
  { key: "cpu_percent", label: "CPU", numeric: true, show: (p) => percent(p.cpu_percent) },
  { key: "rss_bytes", label: "Memory", numeric: true, show: (p) => bytes(p.rss_bytes) },
  { key: "vms_bytes", label: "Virtual", numeric: true, show: (p) => bytes(p.vms_bytes) },
  { key: "cpu_seconds", label: "CPU time", numeric: true, show: (p) => duration(p.cpu_seconds) },
];

interface Row {
  element: HTMLElement;
  cells: HTMLElement[];
}

/** A machine's processes: the top ones as they come, or all of them as they were when asked for. */
export class Processes {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #machine: string;
  readonly #about = h("p", { class: "hint", role: "status" });
  readonly #filter: HTMLInputElement;
  readonly #topButton: HTMLButtonElement;
  readonly #allButton: HTMLButtonElement;
  readonly #headers = new Map<SortKey, HTMLElement>();
  readonly #rows: Keyed<ProcessFigures, Row>;
  #sort: SortKey = "cpu_percent";
  #descending = true;
  #top: ProcessFigures[] = [];
  #total: number | null = null;
  #all: ProcessFigures[] | null = null;
  #asked = "";

  constructor(client: Client, machine: string) {
    this.#client = client;
    this.#machine = machine;
    const button = (label: string, act: () => void) =>
      h("button", { class: "button", type: "button", on: { click: act } }, label);
    this.#topButton = button(`Top ${TOP}, live`, () => this.#showTop());
    this.#allButton = button("All", () => void this.#askAll());
    this.#filter = h("input", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Show processes whose name, user or number contains",
      on: { input: () => this.#show() },
    });
    const body = h("tbody");
    this.#rows = new Keyed(body, (process) => String(process.pid), makeRow, updateRow);
    const head = h("tr", {}, ...COLUMNS.map((column) => this.#header(column)));
    this.element = h(
      "section",
      { class: "processes", "aria-label": "Processes" },
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "Processes"),
        this.#about,
        this.#filter,
        h("div", { class: "choice-of-two" }, this.#topButton, this.#allButton),
      ),
      h(
        "div",
        {
          class: "table-scroll",
          tabindex: "0",
          role: "region",
          "aria-label": "Table of processes",
        },
        h("table", {}, h("thead", {}, head), body),
      ),
    );
    this.#markSort();
  }

  update(sample: Sample | null): void {
    this.#top = sample?.processes ?? [];
    this.#total = sample?.process_count ?? null;
    if (this.#all === null) this.#show();
  }

  #header(column: Column): HTMLElement {
    const sort = () => {
      this.#descending = this.#sort === column.key ? !this.#descending : column.numeric;
      this.#sort = column.key;
      this.#markSort();
      this.#show();
    };
    const button = h("button", { type: "button", on: { click: sort } }, column.label);
    const header = h("th", { scope: "col", class: column.numeric && "numeric" }, button);
    this.#headers.set(column.key, header);
    return header;
  }

  #markSort(): void {
    for (const [key, header] of this.#headers) {
      const order = this.#descending ? "descending" : "ascending";
      setAttribute(header, "aria-sort", key === this.#sort ? order : null);
    }
  }

  async #askAll(): Promise<void> {
    setText(this.#about, "Asking the machine …");
    try {
      this.#all = await this.#client.machines.processes(this.#machine);
      this.#asked = clock(this.#client.now());
      this.#show();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(this.#about, error.problem.message);
    }
  }

  #showTop(): void {
    this.#all = null;
    this.#show();
  }

  #show(): void {
    const found = this.#all ?? this.#top;
    const sorted = sortProcesses(found, this.#sort, this.#descending, this.#filter.value);
    const shown = this.#all ? sorted : sorted.slice(0, TOP);
    this.#rows.show(shown);
    setAttribute(this.#topButton, "aria-pressed", String(this.#all === null));
    setAttribute(this.#allButton, "aria-pressed", String(this.#all !== null));
    const total = count(this.#total);
    const words = this.#all
      ? `${shown.length} of ${this.#all.length}, as they were at ${this.#asked}`
      : `the top ${shown.length} of ${total}, live`;
    setText(this.#about, words);
  }
}

function makeRow(): Row {
  const cells = COLUMNS.map((column) => h("td", { class: column.numeric && "numeric" }));
  return { element: h("tr", {}, ...cells), cells };
}

function updateRow(row: Row, process: ProcessFigures): void {
  for (const [index, column] of COLUMNS.entries()) {
    setText(row.cells[index] as HTMLElement, column.show(process));
  }
}
