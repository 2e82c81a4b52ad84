import assert from "node:assert/strict";
import { test } from "node:test";
import { Room } from "../src/core/room.ts";
import { type Item, timeline } from "../src/core/timeline.ts";
import type { Message } from "../src/wire.ts";

const NOON = new Date(2026, 4, 20, 12).getTime() / 1000;

function message(offset: number, time: number, name = "ada"): Message {
  return { type: "message", room: "#r", offset, time, name, text: "x", member: name };
}

function room(...messages: Message[]): Room {
  const made = new Room("#r");
  const offset = messages.at(-1)?.offset ?? 0;
  const common = { room: "#r", epoch: "e", members: [], count: 0, recovered: true, more: false };
  made.enter({ type: "joined", ...common, offset, messages }, new Set(["me"]));
  return made;
}

const nobody = () => false;

function sketch(items: Item[]): string[] {
  return items.map((item) => {
    if (item.kind === "message") return `${item.head ? "+" : " "}${item.message.offset}`;
    return item.kind === "notice" ? item.text : item.kind;
  });
}

test("messages of one sender stand together, for a while", () => {
  const made = room(
    message(1, NOON),
    message(2, NOON + 10),
    message(3, NOON + 20, "bo"),
    message(4, NOON + 30),
    message(5, NOON + 900),
  );
  assert.deepEqual(sketch(timeline(made, nobody, null)), ["day", "+1", " 2", "+3", "+4", "+5"]);
});

test("a new day has its line", () => {
  const made = room(message(1, NOON), message(2, NOON + 86_400));
  assert.deepEqual(sketch(timeline(made, nobody, null)), ["day", "+1", "day", "+2"]);
});

test("what is new begins after a line, which comes once", () => {
  const made = room(message(1, NOON), message(2, NOON + 1), message(3, NOON + 2));
  assert.deepEqual(sketch(timeline(made, nobody, 1)), ["day", "+1", "new", "+2", " 3"]);
});

test("who comes and goes is told between messages, kind by kind", () => {
  const made = room(message(1, NOON));
  made.arrived({ id: "b", name: "bo" }, NOON + 1);
  made.arrived({ id: "c", name: "cy" }, NOON + 2);
  made.departed({ id: "b", name: "bo" }, NOON + 3, "lost");
  made.add(message(2, NOON + 4));
  assert.deepEqual(sketch(timeline(made, nobody, null)), [
    "day",
    "+1",
    "bo and cy came in",
    "bo lost the connection",
    "+2",
  ]);
});

test("my own coming is no news to me", () => {
  const made = room(message(1, NOON));
  made.arrived({ id: "me", name: "me" }, NOON + 1);
  assert.deepEqual(sketch(timeline(made, nobody, null)), ["day", "+1"]);
});

test("keys are the same from one time to the next, and never twice", () => {
  const made = room(message(1, NOON), message(2, NOON + 86_400));
  made.arrived({ id: "b", name: "bo" }, NOON + 1);
  const keys = timeline(made, nobody, 1).map((item) => item.key);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(
    timeline(made, nobody, 1).map((item) => item.key),
    keys,
  );
});
