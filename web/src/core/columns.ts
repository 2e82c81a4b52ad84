import { sum } from "./figures.ts";

/** Figures over time, one column each, over one column of times; bounded in time and number. */
export type Column = (number | null)[];

export class Columns {
  readonly times: number[] = [];
  readonly #figures = new Map<string, Column>();
  readonly #seconds: number;
  readonly #most: number;
  #width = 1; // seconds that one row stands for
  #growing = false; // the newest row takes in what comes in its stretch of time
  readonly #counts = new Map<string, number>(); // readings in the newest row, by column

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

  /**
   * Add what is known at that time; what is not newer than the last row is passed over. Within one
   * stretch of `width` seconds it goes into the newest row, which then holds the means.
   */
  push(time: number, row: Record<string, number | null | undefined>): void {
    const last = this.times.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (time <= last) return;
    if (this.#growing && this.#stretch(time) === this.#stretch(last)) this.#grow(time, row);
    else this.#append(time, row);
  }

  /** Nothing is known from here on: where there is a line, it ends. */
  break(time: number): void {
    if (time <= (this.times.at(-1) ?? Number.POSITIVE_INFINITY)) return;
    this.#append(time, {});
    this.#growing = false;
  }

  /**
   * Put the past in place of what is held of the same time. Its rows are means of `width` seconds,
   * the newest of so much of them as has passed; what is pushed from now on becomes rows like them.
   */
  fillPast(times: readonly number[], figures: Record<string, Column>, width = 1): void {
    this.#width = width;
    const last = times.at(-1);
    if (last === undefined) return;
    const end = this.#stretch(last);
    const later = this.#rows().filter(([time]) => this.#stretch(time) > end);
    const first = times[0] ?? last;
    const earlier = this.times.filter((time) => time < first).length;
    this.times.splice(earlier, Number.POSITIVE_INFINITY, ...times);
    for (const name of new Set([...this.#figures.keys(), ...Object.keys(figures)])) {
      const held = this.#figures.get(name)?.slice(0, earlier) ?? new Array(earlier).fill(null);
      const past = figures[name] ?? new Array(times.length).fill(null);
      this.#figures.set(name, [...held, ...past]);
    }
    this.#countNewest(Math.floor(last - end * this.#width) + 1);
    for (const [time, row] of later) {
      if (Object.values(row).every((figure) => figure === null)) this.break(time);
      else this.push(time, row);
    }
    this.#forget();
  }

  /** Which stretch of `width` seconds a time is in; each time is one of its own without a width. */
  #stretch(time: number): number {
    return this.#width > 1 ? Math.floor(time / this.#width) : time;
  }

  #append(time: number, row: Record<string, number | null | undefined>): void {
    const before = this.times.length;
    this.times.push(time);
    for (const name of Object.keys(row)) {
      if (!this.#figures.has(name)) this.#figures.set(name, new Array(before).fill(null));
    }
    for (const [name, column] of this.#figures) column.push(row[name] ?? null);
    this.#countNewest(1);
    this.#forget();
  }

  #grow(time: number, row: Record<string, number | null | undefined>): void {
    const newest = this.times.length - 1;
    this.times[newest] = time;
    for (const [name, figure] of Object.entries(row)) {
      if (figure === null || figure === undefined) continue;
      const column = this.#figures.get(name) ?? new Array(newest + 1).fill(null);
      this.#figures.set(name, column);
      const mean = column[newest] ?? 0;
      const count = (this.#counts.get(name) ?? 0) + 1;
      column[newest] = mean + (figure - mean) / count;
      this.#counts.set(name, count);
    }
  }

  /** The newest row is the mean of so many readings, and takes in more. */
  #countNewest(readings: number): void {
    this.#growing = true;
    this.#counts.clear();
    for (const [name, column] of this.#figures) {
      if ((column.at(-1) ?? null) !== null) this.#counts.set(name, readings);
    }
  }

  #rows(): [time: number, row: Record<string, number | null>][] {
    return this.times.map((time, index) => [
      time,
      Object.fromEntries([...this.#figures].map(([name, column]) => [name, column[index] ?? null])),
    ]);
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

/** What of the busy time is neither the user's, the system's nor stolen: nice, irq and softirq. */
export function otherCpu(busy: Column, ...named: Column[]): Column {
  return busy.map((figure, index) => {
    if (figure === null) return null;
    return Math.max(0, figure - (sum(named.map((column) => column[index])) ?? 0));
  });
}
