import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces } from "../src/core/links.ts";

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
