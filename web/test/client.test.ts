import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, type World } from "../src/core/client.ts";
import type { Profile } from "../src/core/profile.ts";
import { Topics } from "../src/core/topics.ts";
import type { AnyEvent, Joined, Member, Message } from "../src/wire.ts";

interface Sent {
  type: string;
  id?: number;
  [field: string]: unknown;
}

/** A world without network or clock: what the client sends is kept, time passes when told to. */
class FakeWorld implements World {
  readonly topics = new Topics((flush) => flush());
  sent: Sent[] = [];
  opened = 0;
  closed = 0;
  remembered: Profile | null = null;
  #time = 1_000;
  #timers = new Set<{ at: number; run: () => void }>();
  #keys = 0;

  open = () => void this.opened++;
  close = () => void this.closed++;
  transmit = (frame: string) => void this.sent.push(JSON.parse(frame) as Sent);
  now = () => this.#time;
  random = () => 1;
  newKey = () => `key-${++this.#keys}`;
  remember = (profile: Profile) => void (this.remembered = structuredClone(profile));
  timer = (seconds: number, run: () => void) => {
    const timer = { at: this.#time + seconds, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  pass(seconds: number): void {
    const until = this.#time + seconds;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until);
      const next = due.sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#time = next.at;
      next.run();
    }
    this.#time = until;
  }

  last(type: string): Sent {
    const found = this.sent.findLast((sent) => sent.type === type);
    assert.ok(found, `nothing of type ${type} was sent`);
    return found;
  }

  count(type: string): number {
    return this.sent.filter((sent) => sent.type === type).length;
  }
}

const ME: Member = { id: "m-me", name: "Ada" };
const PROFILE: Profile = { name: "", session: "", members: [], rooms: [], read: {} };

function start(profile: Partial<Profile> = {}, invite = ""): [Client, FakeWorld] {
  const world = new FakeWorld();
  const client = new Client(world, { ...structuredClone(PROFILE), ...profile }, invite);
  client.start("Ada");
  client.happened("opened");
  return [client, world];
}

function tell(client: Client, event: AnyEvent): void {
  client.receivedUntrusted(JSON.stringify(event));
}

function welcome(client: Client, world: FakeWorld): void {
  tell(client, {
    type: "welcome",
    version: 1,
    hub: "workshop",
    hub_id: "h",
    member: ME,
    session: "secret",
    time: world.now(),
    max_text_bytes: 100,
    ping_seconds: 25,
  });
}

/** Let promises that are settled run on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function enter(client: Client, world: FakeWorld, more: Partial<Joined> = {}): Promise<void> {
  welcome(client, world);
  const id = world.last("join").id ?? 0;
  const event: Joined = {
    type: "joined",
    id,
    room: "#lobby",
    epoch: "e1",
    offset: 0,
    members: [ME],
    count: 1,
    messages: [],
    recovered: true,
    more: false,
    ...more,
  };
  tell(client, event);
  await settle();
}

function lobby(client: Client) {
  const room = client.talk.rooms.get("#lobby");
  assert.ok(room);
  return room;
}

function reconnect(client: Client, world: FakeWorld): void {
  client.happened("closed");
  world.pass(1);
  client.happened("opened");
}

function message(offset: number, text = "hi"): Message {
  return { type: "message", room: "#lobby", offset, time: 1, name: "Bo", text, member: "m-bo" };
}

test("hello carries the name, the invite and the session of an earlier welcome", () => {
  const [, world] = start({ session: "old" }, "token");
  const hello = world.last("hello");
  assert.equal(hello["name"], "Ada");
  assert.equal(hello["invite"], "token");
  assert.equal(hello["session"], "old");
});

test("a welcome is remembered and the lobby entered", async () => {
  const [client, world] = start();
  await enter(client, world);
  assert.equal(client.link, "online");
  assert.equal(world.remembered?.session, "secret");
  assert.equal(lobby(client).joined, true);
});

test("an invite is shown once and not kept", () => {
  const [client, world] = start({}, "token");
  welcome(client, world);
  reconnect(client, world);
  assert.equal(world.last("hello")["invite"], undefined);
  assert.equal(world.last("hello")["session"], "secret");
});

test("a taken name waits for the person, with the hub's suggestion", () => {
  const [client] = start();
  const message = "That name is taken.";
  tell(client, { type: "error", code: "name-taken", message, suggestion: "Ada2" });
  assert.equal(client.link, "refused");
  assert.equal(client.problem?.suggestion, "Ada2");
});

test("what is said without a connection is sent when there is one, under one key", async () => {
  const [client, world] = start();
  await enter(client, world);
  client.happened("closed");
  client.talk.say(lobby(client), "hello");
  assert.equal(world.count("say"), 0);
  world.pass(1);
  client.happened("opened");
  await enter(client, world);
  assert.equal(world.last("say")["key"], "key-1");
});

test("what was not acknowledged is sent again with the same key and shown once", async () => {
  const [client, world] = start();
  await enter(client, world);
  client.talk.say(lobby(client), "hello");
  const first = world.last("say");
  reconnect(client, world);
  const mine = { ...message(1, "hello"), member: ME.id, name: "Ada" };
  await enter(client, world, { offset: 1, messages: [mine] });
  const second = world.last("say");
  assert.notEqual(second.id, first.id);
  assert.equal(second["key"], first["key"]);
  const said = { type: "said", room: "#lobby", epoch: "e1", offset: 1, time: 1 } as const;
  tell(client, { ...said, id: second.id ?? 0, key: String(second["key"]) });
  await settle();
  assert.deepEqual(
    lobby(client).messages.map((one) => one.text),
    ["hello"],
  );
  assert.deepEqual(lobby(client).pending, []);
});

test("a reconnection resumes after the last message held", async () => {
  const [client, world] = start();
  await enter(client, world);
  tell(client, message(1));
  tell(client, message(2));
  reconnect(client, world);
  welcome(client, world);
  assert.deepEqual(world.last("join")["since"], { epoch: "e1", offset: 2 });
});

test("a hole in the deliveries is filled from history", async () => {
  const [client, world] = start();
  await enter(client, world);
  tell(client, message(1));
  tell(client, message(3));
  world.pass(1);
  const asked = world.last("history");
  assert.equal(asked["after"], 1);
  const page = { type: "history_page", room: "#lobby", epoch: "e1", more: false } as const;
  tell(client, { ...page, id: asked.id ?? 0, messages: [message(2), message(3)] });
  await settle();
  assert.deepEqual(
    lobby(client).messages.map((one) => one.offset),
    [1, 2, 3],
  );
});

test("a refused message keeps its text and says why", async () => {
  const [client, world] = start();
  await enter(client, world);
  client.talk.say(lobby(client), "hello");
  const { id } = world.last("say");
  tell(client, { type: "error", id: id ?? 0, code: "muted", message: "Too much at once." });
  await settle();
  const [pending] = lobby(client).pending;
  assert.equal(pending?.state, "refused");
  assert.equal(pending?.problem, "Too much at once.");
  client.talk.sayAgain(lobby(client), pending?.key ?? "");
  assert.equal(world.last("say")["key"], "key-1");
});

test("a message over the hub's limit is not sent, and the limit is named", async () => {
  const [client, world] = start();
  await enter(client, world);
  assert.match(client.talk.say(lobby(client), "x".repeat(101)), /at most 100 bytes.*has 101/u);
  assert.equal(world.count("say"), 0);
});

test("a join that is not answered is tried again", async () => {
  const [client, world] = start();
  welcome(client, world);
  for (let second = 0; second < 15; second += 1) {
    world.pass(1);
    tell(client, { type: "pong", time: 1 });
  }
  await settle();
  assert.equal(world.count("join"), 1);
  world.pass(2);
  assert.equal(world.count("join"), 2);
});

test("a room that refuses me on the way back is told and gone; the lobby stays", async () => {
  const [client, world] = start({ rooms: ["#ops"] });
  welcome(client, world);
  const joins = world.sent.filter((sent) => sent.type === "join");
  for (const { id } of joins) {
    tell(client, { type: "error", id: id ?? 0, code: "not-allowed", message: "Not for you." });
  }
  await settle();
  assert.deepEqual([...client.talk.rooms.keys()], ["#lobby"]);
  assert.equal(client.problem?.message, "Not for you.");
});

test("a hub that falls silent after a ping is taken for lost", async () => {
  const [client, world] = start();
  await enter(client, world);
  world.pass(20);
  assert.equal(world.count("ping"), 1);
  world.pass(10.1);
  assert.equal(client.link, "waiting");
});

test("pings go out on time however much the hub tells", async () => {
  const [client, world] = start();
  await enter(client, world);
  for (let second = 0; second < 60; second += 1) {
    world.pass(1);
    tell(client, message(second + 1));
  }
  assert.equal(world.count("ping"), 3);
  assert.equal(client.link, "online");
});

test("who quits is told to the hub and stays away", async () => {
  const [client, world] = start();
  await enter(client, world);
  client.quit();
  assert.equal(world.count("quit"), 1);
  client.happened("closed");
  world.pass(100);
  assert.equal(world.opened, 1);
  assert.equal(client.link, "left");
});

test("who came in elsewhere does not fight for the place", async () => {
  const [client, world] = start();
  await enter(client, world);
  tell(client, { type: "error", code: "replaced", message: "You came in elsewhere." });
  client.happened("closed");
  world.pass(100);
  assert.equal(client.link, "replaced");
  assert.equal(world.opened, 1);
});

test("what I said before the hub forgot me stays mine", async () => {
  const [client, world] = start({ members: ["m-old"] });
  await enter(client, world);
  assert.equal(client.talk.isMine({ ...message(1), member: "m-old" }), true);
  assert.equal(client.talk.isMine({ ...message(1), member: "m-bo" }), false);
});

test("frames that are not events are passed over", async () => {
  const [client, world] = start();
  await enter(client, world);
  for (const frame of ["", "null", "[1]", '{"type":7}', '{"type":"news"}', "{"]) {
    client.receivedUntrusted(frame);
  }
  assert.equal(client.link, "online");
});

test("who types is shown to others, not to themselves", async () => {
  const [client, world] = start();
  await enter(client, world);
  tell(client, { type: "typing", room: "#lobby", member: ME.id, name: ME.name });
  assert.deepEqual(client.talk.typists("#lobby"), []);
  tell(client, { type: "typing", room: "#lobby", member: "m-grace", name: "Grace" });
  assert.deepEqual(client.talk.typists("#lobby"), ["Grace"]);
});

test("who looks at a room is told all the same which machines come, go and change names", async () => {
  const [client, world] = start();
  await enter(client, world);
  const answer = async (type: string, name: string) => {
    const id = world.last(type).id ?? 0;
    const info = { id: "m1", name, state: "here", since: 1 } as const;
    tell(client, { type: "machine_list", id, machines: [info] });
    await settle();
  };
  await answer("machines", "web-1");
  assert.equal(world.last("watch")["summaries"], false);
  await answer("watch", "web-1");
  tell(client, { type: "machine", machine: { id: "m1", name: "db-1", state: "away", since: 2 } });
  assert.deepEqual(
    client.machines.sorted.map((machine) => machine.info.name),
    ["db-1"],
  );
  client.machines.look(null);
  await answer("machines", "db-1");
  assert.equal(world.last("watch")["summaries"], true);
  client.machines.stopLooking();
  await answer("machines", "db-1");
  assert.equal(world.last("watch")["summaries"], false);
});
