import type { Behind, HistoryPage, Joined, Member, Message, Said, Since } from "../wire.ts";

/** Messages kept in memory; past it the oldest go, and are asked for again when scrolled to. */
export const MOST_KEPT = 1_000;
const MOST_AHEAD = 1_000;
const MOST_NOTICES = 200;

/** Something I said that is not part of the history I hold yet. */
export interface Pending {
  key: string; // the same on every try, so that the hub stores it once
  text: string;
  time: number;
  state: "waiting" | "sent" | "refused";
  problem: string; // why it was refused
  offset: number; // 0 until the hub has said it
}

/** Somebody came or went; `after` is the offset of the message it follows. */
export interface Notice {
  kind: "arrived" | "left" | "lost";
  name: string;
  time: number;
  after: number;
}

/**
 * What I hold of one room: an unbroken run of its messages, and those that arrived ahead of a gap.
 *
 * Only the unbroken run is shown and counted as held, so `since` never claims a message that a
 * lost frame took away, and a message that comes twice is seen once.
 */
export class Room {
  readonly name: string;
  epoch = "";
  messages: Message[] = [];
  pending: Pending[] = [];
  notices: Notice[] = [];
  readonly members = new Map<string, Member>();
  memberCount = 0;
  moreBefore = false; // history goes on before the first message held
  joined = false; // on this connection
  read: Since = { epoch: "", offset: 0 }; // everything up to here was read
  last = 0; // the highest offset known of
  reading = false; // scrolled back: the oldest are not let go from under the reader's eyes
  #selves: ReadonlySet<string> = new Set(); // my member ids
  #held = 0; // the end of the unbroken run
  readonly #ahead = new Map<number, Message>();

  constructor(name: string) {
    this.name = name;
  }

  get since(): Since | null {
    return this.epoch ? { epoch: this.epoch, offset: this.#held } : null;
  }

  /** The offset after which messages are missing, or null when nothing is known to be missing. */
  get gapAfter(): number | null {
    return this.#held < this.last ? this.#held : null;
  }

  /** Messages of others after the place read up to. */
  get unread(): number {
    let count = Math.max(0, this.last - this.read.offset);
    for (const message of this.messages.toReversed()) {
      if (message.offset <= this.read.offset) break;
      if (this.#selves.has(message.member ?? "")) count -= 1;
    }
    return count;
  }

  /** In the room again, or for the first time. Returns whether what was held had to go. */
  enter(event: Joined, selves: ReadonlySet<string>): boolean {
    this.#selves = selves;
    this.joined = true;
    this.meet(event.members, event.count);
    const fresh = !event.recovered || event.epoch !== this.epoch;
    const reloaded = fresh && this.epoch !== "";
    if (fresh) {
      this.epoch = event.epoch;
      this.messages = [];
      this.notices = [];
      this.#ahead.clear();
      this.#held = (event.messages[0]?.offset ?? event.offset + 1) - 1;
      this.last = event.offset;
      this.moreBefore = event.more;
    }
    // A place in another history says nothing of this one.
    if (this.read.epoch !== event.epoch) this.read = { epoch: event.epoch, offset: event.offset };
    this.last = Math.max(this.last, event.offset);
    for (const message of event.messages) this.add(message);
    return reloaded;
  }

  /** Returns whether it is new. */
  add(message: Message): boolean {
    this.last = Math.max(this.last, message.offset);
    if (message.offset <= this.#held || this.#ahead.has(message.offset)) return false;
    // Past the bound the gap is filled from history, which brings this one again.
    if (message.offset > this.#held + 1 && this.#ahead.size >= MOST_AHEAD) return false;
    this.#ahead.set(message.offset, message);
    this.#closeRanks();
    return true;
  }

  /** A page of later messages. Returns whether the gap may yet be filled by asking again. */
  fill(page: HistoryPage): boolean {
    const before = this.#held;
    for (const message of page.messages) this.add(message);
    return this.#held > before || this.gapAfter === null;
  }

  /** A page of messages before the first one held. */
  prepend(page: HistoryPage): void {
    const first = this.messages[0]?.offset ?? this.#held + 1;
    const earlier = page.messages.filter((message) => message.offset < first);
    this.messages = [...earlier, ...this.messages];
    this.moreBefore = page.more && earlier.length > 0;
  }

  said(event: Said, me: Member): void {
    const pending = this.pending.find((one) => one.key === event.key);
    if (!pending || event.epoch !== this.epoch) return;
    pending.offset = event.offset;
    this.add({
      type: "message",
      room: this.name,
      offset: event.offset,
      time: event.time,
      name: me.name,
      text: pending.text,
      member: me.id,
    });
    this.#dropShown();
  }

  refused(key: string, problem: string): void {
    const pending = this.pending.find((one) => one.key === key);
    if (pending) Object.assign(pending, { state: "refused", problem });
  }

  meet(members: Member[], count = members.length): void {
    this.members.clear();
    for (const member of members) this.members.set(member.id, member);
    this.memberCount = count;
  }

  arrived(member: Member, time: number): void {
    if (!this.members.has(member.id)) this.memberCount += 1;
    this.members.set(member.id, member);
    if (!this.#selves.has(member.id)) this.#note("arrived", member.name, time);
  }

  departed(member: Member, time: number, kind: "left" | "lost"): void {
    if (this.members.delete(member.id)) this.memberCount -= 1;
    this.#note(kind, member.name, time);
  }

  /** We read too slowly: messages after `offset` follow, and presence starts anew. */
  fellBehind(event: Behind): void {
    this.meet(event.members);
    this.last = Math.max(this.last, event.offset);
  }

  /** Returns whether anything changed. */
  markRead(): boolean {
    if (this.read.offset >= this.last) return false;
    this.read = { epoch: this.epoch, offset: this.last };
    return true;
  }

  /** The connection is gone: nobody is known to be here, and what was sent may not have arrived. */
  lost(): void {
    this.joined = false;
    for (const one of this.pending) if (one.state === "sent") one.state = "waiting";
  }

  #closeRanks(): void {
    for (;;) {
      const next = this.#ahead.get(this.#held + 1);
      if (!next) break;
      this.#ahead.delete(next.offset);
      this.messages.push(next);
      this.#held = next.offset;
    }
    if (!this.reading && this.messages.length > MOST_KEPT * 1.1) {
      this.messages = this.messages.slice(-MOST_KEPT);
      this.moreBefore = true;
    }
    this.#dropShown();
  }

  #dropShown(): void {
    this.pending = this.pending.filter((one) => one.offset === 0 || one.offset > this.#held);
  }

  #note(kind: Notice["kind"], name: string, time: number): void {
    this.notices.push({ kind, name, time, after: this.#held });
    if (this.notices.length > MOST_NOTICES) this.notices.shift();
  }
}
