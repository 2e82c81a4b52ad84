import type { AnyCommand, AnyEvent, Problem, Welcome } from "../wire.ts";
import { VERSION } from "../wire.ts";
import { type LinkAction, type LinkEvent, type LinkState, step, waitSeconds } from "./link.ts";
import { Machines } from "./machines.ts";
import type { Profile } from "./profile.ts";
import { Requests, type Timer } from "./requests.ts";
import { LOBBY, Talk } from "./talk.ts";
import type { Topics } from "./topics.ts";

/** After a ping, silence for so long means that the connection is dead. */
const SILENCE_SECONDS = 10;
const MOST_PAST_SELVES = 50;

/** What the client needs of the world; the page gives it a WebSocket and a clock, tests their own. */
export interface World {
  open(): void; // begin to connect; tell `happened("opened")` or `happened("closed")`
  close(): void; // the present connection, if any; nothing more is told of it
  transmit(frame: string): void;
  timer: Timer;
  now(): number; // Unix seconds
  random(): number; // 0 to 1
  newKey(): string;
  remember(profile: Profile): void;
  topics: Topics;
}

/** A member of the hub: the link's life, who I am, and what the hub tells, passed on. */
export class Client {
  readonly talk: Talk;
  readonly machines: Machines;
  readonly topics: Topics;
  readonly profile: Profile;
  invite: string;
  link: LinkState = "resting";
  welcome: Welcome | null = null;
  /** Why the link rests: what the hub said when it refused or ended it. */
  problem: Problem | null = null;
  retryAt = 0; // by now(), while waiting
  wasOnline = false;
  readonly #world: World;
  readonly #requests: Requests;
  #attempt = 0;
  #ahead = 0; // seconds that the hub's clock is ahead of ours
  #cancelRetry = () => {};
  #cancelPing = () => {};
  #cancelSilence = () => {};

  constructor(world: World, profile: Profile, invite: string) {
    this.#world = world;
    this.profile = profile;
    this.invite = invite;
    this.topics = world.topics;
    const send = (command: AnyCommand) => this.#send(command);
    this.#requests = new Requests(send, world.timer);
    const around = {
      send,
      requests: this.#requests,
      timer: world.timer,
      now: () => this.now(),
      newKey: world.newKey,
      tell: (problem: Problem) => this.#tell(problem),
      topics: world.topics,
    };
    this.talk = new Talk(around);
    this.machines = new Machines(around);
    for (const room of [LOBBY, ...profile.rooms]) {
      void this.talk.join(room, profile.read[room] ?? null);
    }
  }

  // --- what the person does -------------------------------------------------------------------

  /** Come in under this name, or come back. */
  start(name: string): void {
    this.profile.name = name;
    this.problem = null;
    this.#attempt = 0;
    this.happened("start");
  }

  /** Unix seconds by the hub's clock, which all times of the protocol are by. */
  now(): number {
    return this.#world.now() + this.#ahead;
  }

  quit(): void {
    this.#send({ type: "quit" });
    this.happened("quit");
  }

  retryNow(): void {
    this.#attempt = 0;
    this.happened("retry");
  }

  /** Ask the hub. Rejects with Refused. */
  ask(command: AnyCommand): Promise<AnyEvent> {
    return this.#requests.ask(command);
  }

  /** The network may have changed: find out now whether the hub still answers. */
  check(): void {
    if (this.link === "waiting") this.retryNow();
    else if (this.link === "online") this.#ping();
  }

  rememberRooms(): void {
    const rooms = [...this.talk.rooms.values()];
    this.profile.rooms = rooms.map((room) => room.name).filter((name) => name !== LOBBY);
    for (const room of rooms) {
      if (room.read.epoch) this.profile.read[room.name] = room.read;
    }
    this.#world.remember(this.profile);
  }

  // --- what happens ---------------------------------------------------------------------------

  happened(event: LinkEvent): void {
    const before = this.link;
    const [state, action] = step(before, event);
    this.link = state;
    if (before === "online" && state !== "online") this.#offline();
    if (before === "waiting" && state !== "waiting") this.#cancelRetry();
    this.#act(action);
    if (state !== before) this.topics.touch("link");
  }

  /** One frame from the hub. One that cannot be read is passed over: a newer hub may say more. */
  receivedUntrusted(frame: string): void {
    let event: AnyEvent;
    try {
      event = JSON.parse(frame) as AnyEvent;
    } catch {
      return;
    }
    if (typeof event !== "object" || event === null || typeof event.type !== "string") return;
    this.#cancelSilence();
    if (this.#requests.answer(event)) return;
    if (event.type === "welcome") this.#welcomed(event);
    else if (event.type === "error") this.#refused(event);
    else if (event.type === "goodbye") this.#goodbye(event.reason);
    else if (!this.talk.handle(event)) this.machines.handle(event);
  }

  #act(action: LinkAction): void {
    if (action === "open") this.#world.open();
    else if (action === "close") this.#world.close();
    else if (action === "greet") this.#greet();
    else if (action === "wait") this.#wait();
  }

  #greet(): void {
    const { name, session, members } = this.profile;
    const member = members.at(-1);
    this.#transmit({
      type: "hello",
      name,
      versions: [VERSION],
      client: "lanline page",
      ...(session ? { session } : {}),
      ...(member ? { member } : {}),
      ...(this.invite ? { invite: this.invite } : {}),
    });
  }

  #wait(): void {
    const seconds = waitSeconds(this.#attempt++, this.#world.random());
    this.retryAt = this.now() + seconds;
    this.#cancelRetry = this.#world.timer(seconds, () => this.happened("retry"));
  }

  #welcomed(event: Welcome): void {
    this.welcome = event;
    this.problem = null;
    this.wasOnline = true;
    this.#ahead = event.time - this.#world.now();
    this.#attempt = 0;
    this.invite = "";
    this.profile.session = event.session;
    this.#rememberMyself(event.member.id);
    this.talk.maxTextBytes = event.max_text_bytes;
    this.happened("welcomed");
    this.talk.online(event.member, this.profile.members);
    this.machines.online();
    this.rememberRooms();
    this.#schedulePing();
  }

  #refused(problem: Problem): void {
    if (this.link === "greeting") {
      this.problem = problem;
      this.happened("refused");
    } else if (problem.code === "replaced") {
      this.problem = problem;
      this.happened("replaced");
    } else this.#tell(problem);
  }

  #tell(problem: Problem): void {
    this.problem = problem;
    this.topics.touch("notice");
  }

  /** A hub that has forgotten the session makes me a new member; what I said before stays mine. */
  #rememberMyself(id: string): void {
    const others = this.profile.members.filter((one) => one !== id);
    this.profile.members = [...others, id].slice(-MOST_PAST_SELVES);
  }

  /** The hub closes the connection after this; what follows is the link's to decide. */
  #goodbye(reason: string): void {
    if (this.link === "online") {
      this.#tell({ type: "error", code: "stopping", message: reason });
    }
  }

  #offline(): void {
    this.#cancelPing();
    this.#cancelSilence();
    this.talk.offline();
    this.machines.offline();
    this.#requests.abandon();
  }

  #schedulePing(): void {
    this.#cancelPing();
    // The hub wants to be told that often, whatever it tells us meanwhile.
    const seconds = (this.welcome?.ping_seconds ?? 25) * 0.8;
    this.#cancelPing = this.#world.timer(seconds, () => this.#ping());
  }

  /** Be heard, and hear: whatever comes next shows that the connection lives. */
  #ping(): void {
    this.#send({ type: "ping" });
    this.#schedulePing();
    this.#cancelSilence();
    this.#cancelSilence = this.#world.timer(SILENCE_SECONDS, () => {
      this.#world.close();
      this.happened("closed");
    });
  }

  #send(command: AnyCommand): void {
    if (this.link === "online") this.#transmit(command);
  }

  #transmit(command: AnyCommand): void {
    this.#world.transmit(JSON.stringify(command));
  }
}
