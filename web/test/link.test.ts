import assert from "node:assert/strict";
import { test } from "node:test";
import { type LinkEvent, type LinkState, step, waitSeconds } from "../src/core/link.ts";

function walk(...events: LinkEvent[]): LinkState {
  let state: LinkState = "resting";
  for (const event of events) [state] = step(state, event);
  return state;
}

test("a link comes online by being opened and welcomed", () => {
  assert.equal(walk("start", "opened", "welcomed"), "online");
});

test("a lost connection is tried again", () => {
  assert.equal(walk("start", "opened", "welcomed", "closed"), "waiting");
  assert.equal(walk("start", "opened", "welcomed", "closed", "retry", "opened"), "greeting");
});

test("who was replaced, refused or left does not come back by themselves", () => {
  assert.equal(walk("start", "opened", "welcomed", "replaced", "closed", "retry"), "replaced");
  assert.equal(walk("start", "opened", "refused", "closed", "retry"), "refused");
  assert.equal(walk("start", "opened", "welcomed", "quit", "closed", "retry"), "left");
});

test("each of them comes back when the person says so", () => {
  for (const way of ["replaced", "quit"] as const) {
    assert.equal(walk("start", "opened", "welcomed", way, "start"), "connecting");
  }
});

test("waits double up to a limit and are spread", () => {
  assert.equal(waitSeconds(0, 1), 0.5);
  assert.equal(waitSeconds(0, 0), 0.25);
  assert.equal(waitSeconds(2, 1), 2);
  assert.equal(waitSeconds(1_000, 1), 15);
});
