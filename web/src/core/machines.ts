import type {
  AnyEvent,
  MachineInfo,
  MachineList,
  ProcessFigures,
  ProcessTable,
  RecentFigures,
  Sample,
  Summary,
} from "../wire.ts";
import { Columns, otherCpu } from "./columns.ts";
import { mainFigures } from "./figures.ts";
import { Refused } from "./requests.ts";
import type { Surroundings } from "./talk.ts";

/** A card's sparklines show the last minutes; a machine's page the last hour. */
export const CARD_SECONDS = 300;
export const PAGE_SECONDS = 3_600;
const MOST_FILLED_CARDS = 60; // machines whose sparklines begin with the past

/** A machine, its latest summary, and the recent course of its main figures. */
export interface Machine {
  info: MachineInfo;
  summary: Summary | null;
  course: Columns;
}

/** The machines of the hub, and the one of them that is looked at closely. */
export class Machines {
  readonly all = new Map<string, Machine>();
  /** The machine whose page is open: its samples come in full. */
  close: { id: string; course: Columns; sample: Sample | null } | null = null;
  watching = false;
  listed = false; // the hub has named its machines
  readonly #around: Surroundings;
  #online = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Those that are here first, each by name. */
  get sorted(): Machine[] {
    const order = new Intl.Collator(undefined, { numeric: true });
    const away = (machine: Machine) => Number(machine.info.state === "away");
    return [...this.all.values()].sort(
      (a, b) => away(a) - away(b) || order.compare(a.info.name, b.info.name),
    );
  }

  /** Begin to be told the figures of all machines, and of `id` in full. */
  look(id: string | null): void {
    if (this.watching && (this.close?.id ?? null) === id) return;
    this.watching = true;
    if (id === null) this.close = null;
    else if (this.close?.id !== id) {
      const sample = this.all.get(id)?.info.sample ?? null;
      this.close = { id, sample, course: new Columns(PAGE_SECONDS, PAGE_SECONDS + 100) };
    }
    if (this.#online) void this.#follow();
  }

  /** The sidebar names the machines wherever one is: who comes and goes is told all the same. */
  stopLooking(): void {
    if (!this.watching) return;
    this.watching = false;
    this.close = null;
    if (this.#online) void this.#follow();
  }

  online(): void {
    this.#online = true;
    void this.#follow();
  }

  offline(): void {
    this.#online = false;
    const gap = this.#around.now();
    for (const machine of this.all.values()) machine.course.break(gap);
    this.close?.course.break(gap);
    this.#around.topics.touch("machines");
  }

  /** A machine's whole process list, asked of it now. Rejects with Refused. */
  async processes(id: string): Promise<ProcessFigures[]> {
    const answer = await this.#around.requests.ask({ type: "processes", machine: id });
    return (answer as ProcessTable).processes;
  }

  /** Returns whether the event was one about machines. */
  handle(event: AnyEvent): boolean {
    switch (event.type) {
      case "machine":
        this.#learn(event.machine);
        break;
      case "summaries":
        for (const summary of event.summaries) this.#summarise(summary);
        break;
      case "sample":
        this.#sampled(event.machine, event.sample);
        break;
      case "machine_list":
        for (const info of event.machines) this.#learn(info);
        break;
      default:
        return false;
    }
    this.#around.topics.touch("machines");
    return true;
  }

  async #follow(): Promise<void> {
    try {
      await this.#list();
      await this.#watch();
    } catch (error) {
      // Refusals need no words here: the list stays as it is, and the next look asks again.
      if (!(error instanceof Refused)) throw error;
    }
  }

  async #list(): Promise<void> {
    const answer = (await this.#around.requests.ask({ type: "machines" })) as MachineList;
    const ids = new Set(answer.machines.map((info) => info.id));
    for (const id of [...this.all.keys()]) if (!ids.has(id)) this.all.delete(id);
    this.listed = true;
    this.handle(answer);
  }

  async #watch(): Promise<void> {
    const close = this.close;
    const machines = close && this.all.has(close.id) ? [close.id] : [];
    const watch = { type: "watch", summaries: this.watching, machines } as const;
    this.handle((await this.#around.requests.ask(watch)) as MachineList);
    if (!this.watching) return;
    if (close && machines.length > 0) await this.#fillPast(close.id, close.course, PAGE_SECONDS);
    else await this.#fillCards();
  }

  async #fillCards(): Promise<void> {
    const bare = this.sorted.filter((m) => m.info.state === "here" && m.course.length < 10);
    const asked = bare.slice(0, MOST_FILLED_CARDS);
    await Promise.all(asked.map((m) => this.#fillPast(m.info.id, m.course, CARD_SECONDS)));
  }

  async #fillPast(machine: string, course: Columns, seconds: number): Promise<void> {
    const answer = await this.#around.requests.ask({ type: "recent", machine, seconds });
    const past = answer as RecentFigures;
    const { cpu_percent, user_percent, system_percent, steal_percent } = past.figures;
    const parts = [user_percent, system_percent, steal_percent].map((column) => column ?? []);
    const other_percent = otherCpu(cpu_percent ?? [], ...parts);
    const figures = { ...past.figures, other_percent };
    course.fillPast(past.times, figures, past.seconds_per_point);
    this.#around.topics.touch("machines");
  }

  #learn(info: MachineInfo): void {
    const known = this.all.get(info.id);
    if (known) {
      // What tells of a change of state alone does not take the figures away.
      if (info.state === "away") known.course.break(this.#around.now());
      known.info = { ...info, sample: info.sample ?? known.info.sample ?? null };
    } else {
      this.all.set(info.id, { info, summary: null, course: new Columns(CARD_SECONDS, 1_000) });
    }
    if (!info.sample) return;
    if (info.state === "here") this.#sampled(info.id, info.sample);
    else if (this.close?.id === info.id) this.close.sample = info.sample;
  }

  #summarise(summary: Summary): void {
    const machine = this.all.get(summary.machine);
    if (!machine) return;
    machine.summary = summary;
    const { machine: _, time: __, ...figures } = summary;
    machine.course.push(this.#around.now(), figures);
  }

  #sampled(id: string, sample: Sample): void {
    const machine = this.all.get(id);
    if (machine) machine.info = { ...machine.info, sample };
    if (this.close?.id !== id) return;
    this.close.sample = sample;
    // By the hub's clock, as the past is: the machine's own may be wrong.
    this.close.course.push(this.#around.now(), mainFigures(sample));
  }
}
