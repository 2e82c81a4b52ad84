/** What may have changed; the views draw anew what they show of it. */
export type Topic = "link" | "rooms" | "log" | "people" | "typing" | "machines" | "notice";

/** Collects changed topics and tells the listeners of all of them at once. */
export class Topics {
  readonly #changed = new Set<Topic>();
  readonly #listeners = new Set<(changed: ReadonlySet<Topic>) => void>();
  readonly #schedule: (flush: () => void) => void;

  /** `schedule` calls back later, once for each call: in the page, before the next frame. */
  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule;
  }

  touch(...topics: Topic[]): void {
    const idle = this.#changed.size === 0;
    for (const topic of topics) this.#changed.add(topic);
    if (idle && this.#changed.size > 0) this.#schedule(() => this.#flush());
  }

  listen(listener: (changed: ReadonlySet<Topic>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #flush(): void {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    for (const listener of [...this.#listeners]) listener(changed);
  }
}
