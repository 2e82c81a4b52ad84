import type { AnyCommand, AnyEvent, Problem } from "../wire.ts";

/** Seconds until an unanswered question is given up; the hub itself asks machines for 5. */
const PATIENCE_SECONDS = 15;
const MOST_OPEN = 200;

export type Timer = (seconds: number, run: () => void) => () => void;

interface Open {
  resolve(event: AnyEvent): void;
  reject(refusal: Refused): void;
  cancel(): void;
}

/** A request that was refused, ran out of time, or lost its connection. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Questions to the hub that wait for their answers, told apart by `id`. */
export class Requests {
  #next = 1;
  readonly #open = new Map<number, Open>();
  readonly #send: (command: AnyCommand) => void;
  readonly #timer: Timer;

  constructor(send: (command: AnyCommand) => void, timer: Timer) {
    this.#send = send;
    this.#timer = timer;
  }

  /** Send it and wait for what answers it. Rejects with Refused and nothing else. */
  ask(command: AnyCommand): Promise<AnyEvent> {
    return new Promise((resolve, reject) => {
      if (this.#open.size >= MOST_OPEN) {
        reject(new Refused(problem("too-fast", "Too many questions wait for the hub's answer.")));
        return;
      }
      const id = this.#next++;
      const cancel = this.#timer(PATIENCE_SECONDS, () =>
        this.#settle(id)?.reject(new Refused(problem("no-answer", "The hub did not answer."))),
      );
      this.#open.set(id, { resolve, reject, cancel });
      this.#send({ ...command, id });
    });
  }

  /** Whether the event answered a question of ours. */
  answer(event: AnyEvent): boolean {
    const open = typeof event.id === "number" ? this.#settle(event.id) : undefined;
    if (!open) return false;
    if (event.type === "error") open.reject(new Refused(event));
    else open.resolve(event);
    return true;
  }

  /** The connection is gone, and with it all answers. */
  abandon(): void {
    for (const id of [...this.#open.keys()]) {
      const lost = problem("no-answer", "The connection was lost before the hub answered.");
      this.#settle(id)?.reject(new Refused(lost));
    }
  }

  #settle(id: number): Open | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.cancel();
    return open;
  }
}

function problem(code: Problem["code"], message: string): Problem {
  return { type: "error", code, message };
}
