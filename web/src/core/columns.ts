import { sum } from "./figures.ts";

/** Figures over time, one column each, over one column of times; bounded in time and number. */
export type Column = (number | null)[];

export class Columns {
  readonly times: number[] = [];
  readonly #figures = new Map<string, Column>();
  readonly #seconds: number;
  readonly #most: number;

  /** Rows older than `seconds` before the newest go, and the oldest past `most`. */
  constructor(seconds: number, most: number) {
    this.#seconds = seconds;
    this.#most = most;
  }

  get length(): number {
    return this.times.length;
  }

  /** The column of that name; absent throughout when nothing was ever heard of it. */
  column(name: string): Column {
    return this.#figures.get(name) ?? this.times.map(() => null);
  }

  /** Several columns added up; absent where all of them are. */
  sums(names: readonly string[]): Column {
    const columns = names.map((name) => this.column(name));
    return this.times.map((_, index) => sum(columns.map((column) => column[index])));
  }

  has(name: string): boolean {
    return this.#figures.get(name)?.some((figure) => figure !== null) ?? false;
  }

  /** Add one row at the end; one that is not newer than the last is passed over. */
  push(time: number, row: Record<string, number | null | undefined>): void {
    if (time <= (this.times.at(-1) ?? Number.NEGATIVE_INFINITY)) return;
    const before = this.times.length;
    this.times.push(time);
    for (const name of Object.keys(row)) {
      if (!this.#figures.has(name)) this.#figures.set(name, new Array(before).fill(null));
    }
    for (const [name, column] of this.#figures) column.push(row[name] ?? null);
    this.#forget();
  }

  /** Nothing is known from here on: where there is a line, it ends. */
  break(time: number): void {
    if (this.length > 0) this.push(time, {});
  }

  /** Put the past before what is held already. */
  fillPast(times: number[], figures: Record<string, Column>): void {
    const first = this.times[0] ?? Number.POSITIVE_INFINITY;
    const cut = times.findIndex((time) => time >= first);
    const count = cut < 0 ? times.length : cut;
    const held = this.times.length;
    this.times.unshift(...times.slice(0, count));
    for (const name of new Set([...this.#figures.keys(), ...Object.keys(figures)])) {
      const past = (figures[name] ?? new Array(count).fill(null)).slice(0, count);
      const present = this.#figures.get(name) ?? new Array(held).fill(null);
      this.#figures.set(name, [...past, ...present]);
    }
    this.#forget();
  }

  #forget(): void {
    const oldest = (this.times.at(-1) ?? 0) - this.#seconds;
    let gone = Math.max(0, this.times.length - this.#most);
    while (gone < this.times.length && (this.times[gone] ?? 0) < oldest) gone += 1;
    if (gone === 0) return;
    this.times.splice(0, gone);
    for (const column of this.#figures.values()) column.splice(0, gone);
  }
}
