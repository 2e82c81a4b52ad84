import assert from "node:assert/strict";
import { test } from "node:test";
import { sortProcesses } from "../src/core/processes.ts";

test("processes sort either way, with what is absent last", () => {
  const list = [
    { pid: 1, name: "a", cpu_percent: 5 },
    { pid: 2, name: "b" },
    { pid: 3, name: "c", cpu_percent: 9, user: "root" },
  ];
  const pids = (key: "cpu_percent" | "name", descending: boolean, filter = "") =>
    sortProcesses(list, key, descending, filter).map((process) => process.pid);
  assert.deepEqual(pids("cpu_percent", true), [3, 1, 2]);
  assert.deepEqual(pids("cpu_percent", false), [1, 3, 2]);
  assert.deepEqual(pids("name", true), [3, 2, 1]);
  assert.deepEqual(pids("name", false, "ROOT"), [3]);
});
