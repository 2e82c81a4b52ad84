import assert from "node:assert/strict";
import { test } from "node:test";
import { loadProfile } from "../src/core/profile.ts";

test("a profile that somebody else has written to is read as far as it makes sense", () => {
  const load = (text: string | null) => loadProfile({ getItem: () => text, setItem: () => {} });
  const empty = { name: "", session: "", members: [], rooms: [], read: {} };
  for (const text of [null, "", "null", "[]", '"x"', "{", '{"name":7,"rooms":{},"read":3}']) {
    assert.deepEqual(load(text), empty, String(text));
  }
  assert.deepEqual(load('{"name":"Ada","read":{"#a":{"epoch":"e","offset":3},"#b":null}}'), {
    ...empty,
    name: "Ada",
    read: { "#a": { epoch: "e", offset: 3 } },
  });
});
