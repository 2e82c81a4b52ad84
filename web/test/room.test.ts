import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_KEPT, Room } from "../src/core/room.ts";
import type { HistoryPage, Joined, Message } from "../src/wire.ts";

const ME = new Set(["m-me"]);
const I = { id: "m-me", name: "me" };

function message(offset: number, more: Partial<Message> = {}): Message {
  const text = `text ${offset}`;
  return { type: "message", room: "#lobby", offset, time: offset, name: "ada", text, ...more };
}

function messages(from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
}

function joined(from: number, to: number, more: Partial<Joined> = {}): Joined {
  return {
    type: "joined",
    room: "#lobby",
    epoch: "e1",
    offset: to,
    members: [],
    count: 0,
    messages: messages(from, to),
    recovered: true,
    more: from > 1,
    ...more,
  };
}

function page(from: number, to: number, more = true): HistoryPage {
  return { type: "history_page", room: "#lobby", epoch: "e1", messages: messages(from, to), more };
}

function offsets(room: Room): number[] {
  return room.messages.map((one) => one.offset);
}

function inRoom(from: number, to: number): Room {
  const room = new Room("#lobby");
  room.enter(joined(from, to), ME);
  return room;
}

test("a first visit holds the latest page and counts nothing as unread", () => {
  const room = inRoom(5, 8);
  assert.deepEqual(offsets(room), [5, 6, 7, 8]);
  assert.equal(room.moreBefore, true);
  assert.equal(room.unread, 0);
  assert.deepEqual(room.since, { epoch: "e1", offset: 8 });
});

test("a message that comes twice is seen once", () => {
  const room = inRoom(1, 3);
  assert.equal(room.add(message(4)), true);
  assert.equal(room.add(message(4)), false);
  assert.equal(room.add(message(2)), false);
  assert.deepEqual(offsets(room), [1, 2, 3, 4]);
});

test("what arrives ahead of a gap waits until the gap is filled", () => {
  const room = inRoom(1, 3);
  room.add(message(6));
  room.add(message(5));
  assert.deepEqual(offsets(room), [1, 2, 3]);
  assert.equal(room.gapAfter, 3);
  assert.deepEqual(room.since, { epoch: "e1", offset: 3 }, "since claims only what is held");
  room.add(message(4));
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5, 6]);
  assert.equal(room.gapAfter, null);
});

test("coming back brings what was missed, in order, once", () => {
  const room = inRoom(1, 3);
  room.lost();
  room.enter(joined(4, 6, { more: false }), ME);
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5, 6]);
  assert.equal(room.unread, 3);
});

test("a long absence is caught up page by page", () => {
  const room = inRoom(1, 3);
  room.enter(joined(4, 5, { offset: 9, more: true }), ME);
  assert.equal(room.gapAfter, 5);
  assert.equal(room.fill(page(6, 7)), true);
  assert.equal(room.fill(page(8, 9, false)), true);
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(room.gapAfter, null);
});

test("a gap that history cannot fill is told", () => {
  const room = inRoom(1, 3);
  room.add(message(9));
  assert.equal(room.fill(page(8, 9, false)), false);
});

test("another epoch means another history: all that was held goes", () => {
  const room = inRoom(1, 3);
  room.enter(joined(1, 2, { epoch: "e2", recovered: false }), ME);
  assert.deepEqual(offsets(room), [1, 2]);
  assert.deepEqual(room.since, { epoch: "e2", offset: 2 });
  assert.equal(room.unread, 0);
});

test("trimmed history is a full reload too", () => {
  const room = inRoom(1, 3);
  room.enter(joined(50, 52, { recovered: false }), ME);
  assert.deepEqual(offsets(room), [50, 51, 52]);
  assert.equal(room.unread, 49, "the place read up to still holds in the same epoch");
});

test("earlier pages go before, without doubles", () => {
  const room = inRoom(5, 8);
  room.prepend(page(3, 6, true));
  assert.deepEqual(offsets(room), [3, 4, 5, 6, 7, 8]);
  room.prepend(page(1, 2, false));
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(room.moreBefore, false);
});

function saying(room: Room, key: string): void {
  const rest = { time: 0, state: "sent", problem: "", offset: 0 } as const;
  room.pending.push({ key, text: "hello", ...rest });
}

const SAID = { type: "said", room: "#lobby", epoch: "e1", time: 4, key: "k" } as const;

test("what I said is pending until the hub has stored it, then a message", () => {
  const room = inRoom(1, 3);
  saying(room, "k");
  room.said({ ...SAID, offset: 4 }, I);
  assert.deepEqual(room.pending, []);
  assert.equal(room.messages.at(-1)?.text, "hello");
  assert.equal(room.unread, 0, "my own is not unread");
});

test("an acknowledgement that overtakes a delivery keeps mine pending until the gap closes", () => {
  const room = inRoom(1, 3);
  saying(room, "k");
  room.said({ ...SAID, offset: 5 }, I);
  assert.equal(room.pending.length, 1);
  room.add(message(4));
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5]);
  assert.deepEqual(room.pending, []);
});

test("an answer lost with the connection is resent and not doubled", () => {
  const room = inRoom(1, 3);
  saying(room, "k");
  room.lost();
  assert.equal(room.pending[0]?.state, "waiting");
  room.enter(joined(4, 4, { messages: [message(4, { member: "m-me", text: "hello" })] }), ME);
  room.said({ ...SAID, offset: 4 }, I);
  assert.deepEqual(offsets(room), [1, 2, 3, 4]);
  assert.deepEqual(room.pending, []);
});

test("memory is bounded, and what went can be asked for again", () => {
  const room = inRoom(1, 1);
  for (const one of messages(2, MOST_KEPT * 2)) room.add(one);
  assert.ok(room.messages.length <= MOST_KEPT * 1.1);
  assert.equal(room.moreBefore, true);
});

test("nothing is let go while the reader is scrolled back", () => {
  const room = inRoom(1, 1);
  room.reading = true;
  for (const one of messages(2, MOST_KEPT * 2)) room.add(one);
  assert.equal(room.messages.length, MOST_KEPT * 2);
});

test("unread counts others' messages after the place read", () => {
  const room = inRoom(1, 3);
  room.add(message(4));
  room.add(message(5, { member: "m-me" }));
  room.add(message(6));
  assert.equal(room.unread, 2);
  assert.equal(room.markRead(), true);
  assert.equal(room.unread, 0);
});
