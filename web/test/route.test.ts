import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatRoute,
  inviteOf,
  isReadableByOthers,
  parseRoute,
  roomName,
} from "../src/core/route.ts";

test("routes survive the address bar", () => {
  for (const route of [
    { view: "room", room: "#lobby" },
    { view: "room", room: "#straße-1" },
    { view: "machines" },
    { view: "machine", machine: "a/b c" },
  ] as const) {
    assert.deepEqual(parseRoute(formatRoute(route)), route);
  }
  assert.deepEqual(parseRoute(""), { view: "room", room: "#lobby" });
  assert.deepEqual(parseRoute("#/room/%E0%A4%A"), { view: "room", room: "#lobby" });
});

test("an invite is taken from the fragment", () => {
  assert.equal(inviteOf("#invite=abc-DEF_1"), "abc-DEF_1");
  assert.equal(inviteOf("#/room/lobby"), "");
});

test("only plain HTTP from elsewhere can be read by others", () => {
  const at = (href: string) => isReadableByOthers(new URL(href));
  assert.equal(at("http://10.0.0.7:33000/"), true);
  assert.equal(at("http://127.0.0.1.evil.example/"), true);
  assert.equal(at("https://10.0.0.7:33000/"), false);
  assert.equal(at("http://127.0.0.1:33000/"), false);
  assert.equal(at("http://localhost/"), false);
  assert.equal(at("http://[::1]:33000/"), false);
});

test("a room's name may be typed as people type", () => {
  assert.equal(roomName(" Workshop "), "#workshop");
  assert.equal(roomName("##two words"), "#two-words");
  assert.equal(roomName("#"), "");
});
