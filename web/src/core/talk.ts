import type {
  AnyCommand,
  AnyEvent,
  HistoryPage,
  Joined,
  Member,
  MemberTyping,
  Message,
  Problem,
  RoomInfo,
  RoomList,
  Said,
  Since,
} from "../wire.ts";
import { Refused, type Requests, type Timer } from "./requests.ts";
import { Room } from "./room.ts";
import type { Topics } from "./topics.ts";

export const LOBBY = "#lobby";
const PAGE = 100;
const CATCH_UP_PAGE = 500;
const MOST_PENDING = 100;
const GAP_PATIENCE_SECONDS = 0.25; // an answer may overtake the deliveries before it
const AGAIN_SECONDS = 2; // after a join that was not answered
const TYPING_SHOWN_SECONDS = 5;
const TYPING_TOLD_SECONDS = 2.2; // the hub drops what comes closer than two seconds

/** What the rooms need of the world around them. */
export interface Surroundings {
  send(command: AnyCommand): void; // dropped when the link is not online
  requests: Requests;
  timer: Timer;
  now(): number; // Unix seconds
  newKey(): string;
  tell(problem: Problem): void; // to the person, in passing
  topics: Topics;
}

/** The rooms I am in, what is said there, and what I say. */
export class Talk {
  readonly rooms = new Map<string, Room>();
  all: RoomInfo[] = []; // every room of the hub, as last told
  me: Member | null = null;
  maxTextBytes = 16 * 1024;
  readonly #around: Surroundings;
  readonly #filling = new Set<string>();
  readonly #paging = new Set<string>();
  readonly #typing = new Map<string, Map<string, () => void>>(); // room, name, end its notice
  #toldTyping = 0;
  #online = false;
  #selves = new Set<string>(); // my member id, and those I had before

  constructor(around: Surroundings) {
    this.#around = around;
  }

  // --- being in rooms -------------------------------------------------------------------------

  /** Welcomed: enter every room again, asking for what was missed. */
  online(me: Member, selves: string[]): void {
    this.me = me;
    this.#selves = new Set(selves);
    this.#online = true;
    for (const room of this.rooms.values()) void this.#comeBack(room);
    void this.listRooms();
  }

  offline(): void {
    this.#online = false;
    for (const room of this.rooms.values()) room.lost();
    this.#typing.clear();
    this.#around.topics.touch("rooms", "log", "people", "typing");
  }

  /** Enter a room, now or as soon as there is a connection. Rejects with Refused. */
  async join(name: string, read: Since | null = null): Promise<void> {
    if (this.rooms.has(name)) return;
    const room = new Room(name);
    if (read) room.read = read;
    this.rooms.set(name, room);
    this.#around.topics.touch("rooms", "log");
    if (this.#online) {
      await this.#enter(room);
      void this.listRooms();
    }
  }

  leave(name: string): void {
    if (this.rooms.delete(name)) this.#around.send({ type: "leave", room: name });
    this.#around.topics.touch("rooms", "log", "people");
    void this.listRooms();
  }

  async listRooms(): Promise<void> {
    if (!this.#online) return;
    try {
      this.all = ((await this.#around.requests.ask({ type: "rooms" })) as RoomList).rooms;
      this.#around.topics.touch("rooms");
    } catch (error) {
      swallowRefusal(error);
    }
  }

  // --- saying ---------------------------------------------------------------------------------

  /** Returns one sentence why it cannot be said, or "" when it is on its way. */
  say(room: Room, text: string): string {
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > this.maxTextBytes) {
      const most = this.maxTextBytes.toLocaleString("en");
      return `A message is at most ${most} bytes; this one has ${bytes.toLocaleString("en")}.`;
    }
    if (room.pending.length >= MOST_PENDING) {
      return `${MOST_PENDING} messages wait for the hub already; let it have them first.`;
    }
    const key = this.#around.newKey();
    const time = this.#around.now();
    room.pending.push({ key, text, time, state: "waiting", problem: "", offset: 0 });
    this.#sendPending(room);
    return "";
  }

  /** Try once more to say what was refused. */
  sayAgain(room: Room, key: string): void {
    const pending = room.pending.find((one) => one.key === key);
    if (pending) Object.assign(pending, { state: "waiting", problem: "" });
    this.#sendPending(room);
  }

  discard(room: Room, key: string): void {
    room.pending = room.pending.filter((one) => one.key !== key);
    this.#around.topics.touch("log");
  }

  /** Whether something that I said is not stored yet and would go with the page. */
  get isWaiting(): boolean {
    return [...this.rooms.values()].some((room) => room.pending.length > 0);
  }

  /** I am typing in that room; the others are told at most every few seconds. */
  typing(room: Room): void {
    const now = this.#around.now();
    if (!room.joined || now - this.#toldTyping < TYPING_TOLD_SECONDS) return;
    this.#toldTyping = now;
    this.#around.send({ type: "typing", room: room.name });
  }

  typists(room: string): string[] {
    return [...(this.#typing.get(room)?.keys() ?? [])];
  }

  // --- reading --------------------------------------------------------------------------------

  /** Fetch the page before the first message held. Returns whether there was one to fetch. */
  async earlier(room: Room): Promise<boolean> {
    if (!room.joined || !room.moreBefore || this.#paging.has(room.name)) return false;
    this.#paging.add(room.name);
    try {
      const before = room.messages[0]?.offset ?? room.last + 1;
      const ask = { type: "history", room: room.name, before, limit: PAGE } as const;
      const page = (await this.#around.requests.ask(ask)) as HistoryPage;
      if (page.epoch === room.epoch) room.prepend(page);
      return true;
    } catch (error) {
      swallowRefusal(error);
      return false;
    } finally {
      this.#paging.delete(room.name);
      this.#around.topics.touch("log");
    }
  }

  /** Whether I said it. */
  isMine(message: Message): boolean {
    return this.#selves.has(message.member ?? "");
  }

  isPaging(room: Room): boolean {
    return this.#paging.has(room.name);
  }

  markRead(room: Room): boolean {
    const changed = room.markRead();
    if (changed) this.#around.topics.touch("rooms");
    return changed;
  }

  // --- what the hub tells ---------------------------------------------------------------------

  /** Returns whether the event was one about rooms. */
  handle(event: AnyEvent): boolean {
    if (!("room" in event)) return false;
    const room = this.rooms.get(event.room);
    if (!room) return true; // left a moment ago
    switch (event.type) {
      case "message":
        room.add(event);
        this.#stopTyping(room.name, event.name);
        this.#mind(room);
        break;
      case "said":
        if (this.me) room.said(event, this.me);
        this.#mind(room);
        break;
      case "arrived":
        room.arrived(event.member, event.time);
        break;
      case "departed":
        room.departed(event.member, event.time, event.reason ?? "left");
        this.#stopTyping(room.name, event.member.name);
        break;
      case "behind":
        room.fellBehind(event);
        this.#mind(room);
        break;
      case "typing":
        this.#startTyping(event);
        break;
      case "left":
        this.rooms.delete(room.name);
        break;
    }
    this.#around.topics.touch("log", "rooms", "people");
    return true;
  }

  async #comeBack(room: Room): Promise<void> {
    try {
      await this.#enter(room);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!this.#online) return; // the next welcome brings it back
      if (error.problem.code !== "no-answer") this.#around.tell(error.problem);
      else this.#around.timer(AGAIN_SECONDS, () => this.#online && void this.#comeBack(room));
    }
  }

  /** Rejects with Refused; a room that refused me is then none of mine. */
  async #enter(room: Room, since: Since | null = room.since): Promise<void> {
    const ask: AnyCommand = { type: "join", room: room.name, ...(since ? { since } : {}) };
    try {
      room.enter((await this.#around.requests.ask(ask)) as Joined, this.#selves);
    } catch (error) {
      const refused = error instanceof Refused && error.problem.code !== "no-answer";
      if (refused && room.name !== LOBBY) this.rooms.delete(room.name);
      this.#around.topics.touch("rooms", "log");
      throw error;
    }
    if (room.gapAfter !== null) void this.#fillGap(room);
    this.#sendPending(room);
    this.#around.topics.touch("log", "rooms", "people");
  }

  #sendPending(room: Room): void {
    this.#around.topics.touch("log");
    if (!room.joined) return;
    for (const pending of room.pending) {
      if (pending.state !== "waiting") continue;
      pending.state = "sent";
      const say = { type: "say", room: room.name, text: pending.text, key: pending.key } as const;
      this.#around.requests
        .ask(say)
        .then((event) => this.handle(event as Said))
        .catch((error: unknown) => this.#notSaid(room, pending.key, error));
    }
  }

  #notSaid(room: Room, key: string, error: unknown): void {
    if (!(error instanceof Refused)) throw error;
    // Lost with the connection: it is sent again at the next welcome, under the same key.
    if (!this.#online) return;
    room.refused(key, error.problem.message);
    this.#around.topics.touch("log");
  }

  #mind(room: Room): void {
    if (room.gapAfter === null || this.#filling.has(room.name)) return;
    this.#filling.add(room.name);
    this.#around.timer(GAP_PATIENCE_SECONDS, () => {
      this.#filling.delete(room.name);
      void this.#fillGap(room);
    });
  }

  /** Ask for what is missing, page by page. */
  async #fillGap(room: Room): Promise<void> {
    if (this.#filling.has(room.name)) return;
    this.#filling.add(room.name);
    try {
      for (let after = room.gapAfter; after !== null && room.joined; after = room.gapAfter) {
        const ask = { type: "history", room: room.name, after, limit: CATCH_UP_PAGE } as const;
        const page = (await this.#around.requests.ask(ask)) as HistoryPage;
        if (page.epoch !== room.epoch || !room.fill(page)) {
          await this.#enter(room, null); // the gap cannot be filled: start from what there is
          return;
        }
        this.#around.topics.touch("log");
      }
    } catch (error) {
      swallowRefusal(error);
    } finally {
      this.#filling.delete(room.name);
      this.#around.topics.touch("log", "rooms");
    }
  }

  #startTyping(event: MemberTyping): void {
    if (this.#selves.has(event.member)) return; // the hub tells everybody in the room
    const typists = this.#typing.get(event.room) ?? new Map<string, () => void>();
    this.#typing.set(event.room, typists);
    typists.get(event.name)?.();
    const end = () => this.#stopTyping(event.room, event.name);
    typists.set(event.name, this.#around.timer(TYPING_SHOWN_SECONDS, end));
    this.#around.topics.touch("typing");
  }

  #stopTyping(room: string, name: string): void {
    const typists = this.#typing.get(room);
    const cancel = typists?.get(name);
    if (!cancel) return;
    cancel();
    typists?.delete(name);
    this.#around.topics.touch("typing");
  }
}

/** A refusal of what happens by itself needs no words: the link's state says it, or the next try. */
function swallowRefusal(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
}
