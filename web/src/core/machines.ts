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
import { Columns } from "./columns.ts";
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
  readonly #around: Surroundings;
  #online = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get sorted(): Machine[] {
    const order = new Intl.Collator(undefined, { numeric: true });
    return [...this.all.values()].sort((a, b) => order.compare(a.info.name, b.info.name));
  }

  /** Begin to be told of all machines, and of `id` in full. */
  look(id: string | null): void {
    if (this.watching && (this.close?.id ?? null) === id) return;
    this.watching = true;
    if (id === null) this.close = null;
    else if (this.close?.id !== id) {
      const sample = this.all.get(id)?.info.sample ?? null;
      this.close = { id, sample, course: new Columns(PAGE_SECONDS, PAGE_SECONDS + 100) };
    }
    if (this.#online) void this.#watch();
  }

  stopLooking(): void {
    if (!this.watching) return;
    this.watching = false;
    this.close = null;
    this.#around.send({ type: "unwatch" });
  }

  online(): void {
    this.#online = true;
    if (this.watching) void this.#watch();
  }

  offline(): void {
    this.#online = false;
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

  async #watch(): Promise<void> {
    const close = this.close;
    const { requests } = this.#around;
    try {
      this.handle((await requests.ask({ type: "machines" })) as MachineList);
      const machines = close && this.all.has(close.id) ? [close.id] : [];
      this.handle(
        (await requests.ask({ type: "watch", summaries: true, machines })) as MachineList,
      );
      if (close) await this.#fillPast(close.id, close.course, PAGE_SECONDS);
      else await this.#fillCards();
    } catch (error) {
      // Refusals need no words here: the list stays as it is, and the next look asks again.
      if (!(error instanceof Refused)) throw error;
    }
  }

  async #fillCards(): Promise<void> {
    const bare = this.sorted.filter((m) => m.info.state === "here" && m.course.length < 10);
    const asked = bare.slice(0, MOST_FILLED_CARDS);
    await Promise.all(asked.map((m) => this.#fillPast(m.info.id, m.course, CARD_SECONDS)));
  }

  async #fillPast(machine: string, course: Columns, seconds: number): Promise<void> {
    const answer = await this.#around.requests.ask({ type: "recent", machine, seconds });
    const past = answer as RecentFigures;
    course.fillPast(past.times, past.figures);
    this.#around.topics.touch("machines");
  }

  #learn(info: MachineInfo): void {
    const known = this.all.get(info.id);
    if (known) {
      // What tells of a change of state alone does not take the figures away.
      known.info = { ...info, sample: info.sample ?? known.info.sample ?? null };
    } else {
      this.all.set(info.id, { info, summary: null, course: new Columns(CARD_SECONDS, 1_000) });
    }
    if (info.sample) this.#sampled(info.id, info.sample);
  }

  #summarise(summary: Summary): void {
    const machine = this.all.get(summary.machine);
    if (!machine) return;
    machine.summary = summary;
    machine.course.push(summary.time, summary as unknown as Record<string, number>);
  }

  #sampled(id: string, sample: Sample): void {
    const machine = this.all.get(id);
    if (machine) machine.info = { ...machine.info, sample };
    if (this.close?.id !== id) return;
    this.close.sample = sample;
    this.close.course.push(sample.time, mainFigures(sample));
  }
}
