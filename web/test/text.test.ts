import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../src/core/format.ts";
import { pieces } from "../src/core/links.ts";
import {
  formatRoute,
  inviteOf,
  isReadableByOthers,
  parseRoute,
  roomName,
} from "../src/core/route.ts";

test("what is absent is shown as absent, and zero as zero", () => {
  for (const show of [format.bytes, format.percent, format.count, format.duration]) {
    assert.equal(show(null), "–");
    assert.equal(show(undefined), "–");
    assert.notEqual(show(0), "–");
  }
});

test("figures read well", () => {
  assert.equal(format.bytes(0), "0 B");
  assert.equal(format.bytes(1536), "1.5 KiB");
  assert.equal(format.bytes(1023 * 1024 ** 2), "1.0 GiB");
  assert.equal(format.percent(3.14), "3.1 %");
  assert.equal(format.percent(99.6), "100 %");
  assert.equal(format.duration(59), "59 s");
  assert.equal(format.duration(3_600), "1 h");
  assert.equal(format.duration(93_784), "1 d 2 h");
  assert.equal(format.megahertz(2_600), "2.60 GHz");
});

test("days are named by their distance", () => {
  const now = new Date(2026, 4, 20, 12).getTime() / 1000;
  assert.equal(format.day(now, now), "Today");
  assert.equal(format.day(now - 86_400, now), "Yesterday");
  assert.equal(format.day(now - 3 * 86_400, now), "Sunday");
  assert.equal(format.day(now - 30 * 86_400, now), "20 April");
  assert.equal(format.day(now - 400 * 86_400, now), "15 April 2025");
});

test("names stand in a row", () => {
  assert.equal(format.namesInARow(["ada"]), "ada");
  assert.equal(format.namesInARow(["ada", "bo"]), "ada and bo");
  assert.equal(format.namesInARow(["ada", "bo", "cy", "di"]), "ada, bo and 2 others");
});

test("initials and colours come from any script", () => {
  assert.equal(format.initials("grace hopper"), "GH");
  assert.equal(format.initials("Иван"), "И");
  assert.equal(format.initials("😀 face"), "😀F");
  assert.equal(format.hue("ada"), format.hue("ada"));
});

function links(text: string): (string | undefined)[] {
  const found = pieces(text);
  assert.equal(found.map((piece) => piece.text).join(""), text, "nothing of the text is lost");
  return found.filter((piece) => piece.href).map((piece) => piece.text);
}

test("addresses become links and the rest stays text", () => {
  assert.deepEqual(links("see https://a.example/x?y=1#z, and http://b.example."), [
    "https://a.example/x?y=1#z",
    "http://b.example",
  ]);
  assert.deepEqual(links("(https://a.example/wiki/Ring_(C))"), ["https://a.example/wiki/Ring_(C)"]);
  assert.deepEqual(links("plain text"), []);
});

test("nothing but http and https becomes a link", () => {
  assert.deepEqual(links("javascript:alert(1) data:text/html,x file:///etc/passwd"), []);
  assert.deepEqual(links('"https://a.example"onclick=x'), ["https://a.example"]);
  assert.deepEqual(links("https://<b>x</b>"), []);
});

test("an address that hides its host behind a name is not a link", () => {
  assert.deepEqual(links("https://bank.example@evil.example/"), []);
});

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
