import type { Client } from "../../core/client.ts";
import { bytes, bytesPerSecond, count, decimal, percent } from "../../core/format.ts";
import type { Topic } from "../../core/topics.ts";
import type { Sample } from "../../wire.ts";
import { h, setAttribute, setHidden, setText } from "../dom.ts";
import { icon } from "../icons.ts";
import type { View } from "../view.ts";
import { stateWords } from "./card.ts";
import { Chart } from "./charts.ts";
import { Cores } from "./cores.ts";
import {
  DISK_HEAD,
  diskCells,
  factGroups,
  factList,
  INTERFACE_HEAD,
  interfaceCells,
  MOUNT_HEAD,
  mountCells,
  USER_HEAD,
  userCells,
} from "./facts.ts";
import { Processes } from "./processes.ts";
import { Table } from "./table.ts";

function makeCharts(): Chart[] {
  return [
    new Chart({
      title: "CPU",
      stacked: true,
      most: 100,
      format: percent,
      lines: [
        { column: "user_percent", label: "User", colour: "chart-1" },
        { column: "system_percent", label: "System", colour: "chart-2" },
        { column: "other_percent", label: "Nice and interrupts", colour: "chart-3" },
        { column: "steal_percent", label: "Stolen", colour: "chart-4" },
        { column: "iowait_percent", label: "Waiting for I/O", colour: "chart-5" },
      ],
    }),
    new Chart({
      title: "Memory",
      most: 100,
      format: percent,
      lines: [
        { column: "memory_percent", label: "Memory", colour: "chart-6" },
        { column: "swap_percent", label: "Swap", colour: "chart-4" },
      ],
    }),
    new Chart({
      title: "Load",
      format: decimal,
      lines: [{ column: "load_1", label: "Load, 1 minute", colour: "chart-3" }],
    }),
    new Chart({
      title: "Network",
      least: 16_384,
      binary: true,
      format: bytesPerSecond,
      lines: [
        { column: "received_bytes_per_second", label: "Received", colour: "chart-1" },
        { column: "sent_bytes_per_second", label: "Sent", colour: "chart-2" },
      ],
    }),
    new Chart({
      title: "Disk",
      least: 16_384,
      binary: true,
      format: bytesPerSecond,
      lines: [
        { column: "read_bytes_per_second", label: "Read", colour: "chart-1" },
        { column: "written_bytes_per_second", label: "Written", colour: "chart-2" },
      ],
    }),
    new Chart({
      title: "Context switches",
      least: 100,
      format: (figure) => `${count(figure)}/s`,
      lines: [{ column: "context_switches_per_second", label: "Switches", colour: "chart-6" }],
    }),
  ];
}

/** All of one machine: the last hour, and every figure of now. */
export class MachineView implements View {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #id: string;
  readonly #name = h("h1");
  readonly #about = h("p", { class: "about" });
  readonly #dot = h("span", { class: "dot", "aria-hidden": "true" });
  readonly #away = h("p", { class: "empty", hidden: true });
  readonly #charts = makeCharts();
  readonly #cores = new Cores();
  readonly #processes: Processes;
  readonly #facts = h("div", { class: "facts-grid" });
  readonly #mounts = new Table("File systems", MOUNT_HEAD, 3);
  readonly #disks = new Table("Disks", DISK_HEAD, 1);
  readonly #interfaces = new Table("Network interfaces", INTERFACE_HEAD, 2);
  readonly #users = new Table("Logged in", USER_HEAD, 4);
  readonly #body: HTMLElement;
  #values: HTMLElement[][] = [];
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #themed = () => this.#redraw();

  constructor(client: Client, id: string, buttons: { menu: HTMLElement }) {
    this.#client = client;
    this.#id = id;
    this.#processes = new Processes(client, id);
    const back = h(
      "a",
      { class: "quiet", href: "#/machines", "aria-label": "All machines", title: "All machines" },
      icon("back"),
    );
    this.#body = h(
      "div",
      { class: "machine-body" },
      h(
        "div",
        { class: "charts" },
        ...this.#charts.map((chart) => chart.element),
        this.#cores.element,
      ),
      this.#processes.element,
      this.#mounts.element,
      this.#disks.element,
      this.#interfaces.element,
      this.#users.element,
      h("section", { class: "all-facts" }, h("h2", {}, "All figures"), this.#facts),
    );
    this.element = h(
      "section",
      { class: "machine", "aria-label": "Machine" },
      h(
        "header",
        { class: "bar" },
        buttons.menu,
        back,
        h(
          "div",
          { class: "bar-title" },
          h("div", { class: "title-row" }, this.#dot, this.#name),
          this.#about,
        ),
      ),
      h(
        "div",
        { class: "page-scroll", tabindex: "0", role: "region", "aria-label": "Figures" },
        this.#away,
        this.#body,
      ),
    );
    this.#dark.addEventListener("change", this.#themed);
    document.addEventListener("themechange", this.#themed);
    this.#show();
  }

  get title(): string {
    return this.#client.machines.all.get(this.#id)?.info.name ?? "Machine";
  }

  opened(): void {
    this.#show();
  }

  update(changed: ReadonlySet<Topic>): void {
    if (changed.has("machines") || changed.has("link")) this.#show();
  }

  dispose(): void {
    this.#dark.removeEventListener("change", this.#themed);
    document.removeEventListener("themechange", this.#themed);
    for (const chart of this.#charts) chart.dispose();
  }

  #redraw(): void {
    const course = this.#client.machines.close?.course;
    if (course) for (const chart of this.#charts) chart.redraw(course);
  }

  #show(): void {
    const machine = this.#client.machines.all.get(this.#id);
    const close = this.#client.machines.close;
    const known = machine !== undefined && close?.id === this.#id;
    setHidden(this.#body, !known);
    setHidden(this.#away, known && machine.info.state === "here");
    if (!known) {
      setText(this.#name, "Machine");
      const online = this.#client.link === "online" && this.#client.machines.listed;
      setText(this.#away, online ? "No such machine reports to this hub." : "Asking the hub …");
      return;
    }
    const away = machine.info.state === "away";
    setText(this.#name, machine.info.name);
    const about = [stateWords(machine, this.#client.now()), ...inBrief(close.sample)];
    setText(this.#about, [...about, machine.info.address].filter(Boolean).join(" · "));
    setText(this.#away, away ? "This machine is away. Below is what was last heard of it." : "");
    setAttribute(this.element, "data-state", machine.info.state);
    for (const chart of this.#charts) chart.show(close.course);
    if (close.sample) this.#showSample(close.sample);
  }

  #showSample(sample: Sample): void {
    const leftOut = sample.left_out ?? {};
    this.#cores.show(sample.cpu?.cores ?? []);
    this.#processes.update(sample);
    this.#mounts.show((sample.mounts ?? []).map(mountCells), leftOut["mounts"]);
    this.#disks.show((sample.disks ?? []).map(diskCells), leftOut["disks"]);
    this.#interfaces.show((sample.interfaces ?? []).map(interfaceCells), leftOut["interfaces"]);
    this.#users.show((sample.users ?? []).map(userCells), leftOut["users"]);
    const groups = factGroups(sample, this.#client.now());
    if (this.#values.length === 0) {
      const lists = groups.map(factList);
      this.#facts.append(...lists.map((list) => list.element));
      this.#values = lists.map((list) => list.values);
    }
    for (const [index, group] of groups.entries()) {
      for (const [place, [, value]] of group.facts.entries()) {
        const shown = this.#values[index]?.[place];
        if (shown) setText(shown, value);
      }
    }
  }
}

/** What kind of machine it is, in a few words. */
function inBrief(sample: Sample | null): string[] {
  const cores = sample?.cpu?.cores?.length ?? 0;
  const memory = sample?.memory?.total_bytes;
  return [
    sample?.system?.distribution || sample?.system?.kernel || "",
    cores > 0 ? (cores === 1 ? "1 core" : `${cores} cores`) : "",
    memory ? bytes(memory) : "",
  ];
}
