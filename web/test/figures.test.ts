import assert from "node:assert/strict";
import { test } from "node:test";
import { Columns } from "../src/core/columns.ts";
import { mainFigures, otherCpu, sum } from "../src/core/figures.ts";
import { sortProcesses } from "../src/core/processes.ts";
import { loadProfile } from "../src/core/profile.ts";
import type { Sample } from "../src/wire.ts";

test("columns keep step, with gaps where a figure was not there", () => {
  const columns = new Columns(100, 10);
  columns.push(1, { cpu: 5 });
  columns.push(2, { cpu: 6, load: 1 });
  columns.push(3, { load: 2 });
  assert.deepEqual(columns.column("cpu"), [5, 6, null]);
  assert.deepEqual(columns.column("load"), [null, 1, 2]);
  assert.deepEqual(columns.sums(["cpu", "load"]), [5, 7, 2]);
  assert.equal(columns.has("other"), false);
});

test("a break ends the lines there are", () => {
  const columns = new Columns(100, 10);
  columns.break(1);
  assert.equal(columns.length, 0);
  columns.push(2, { cpu: 5 });
  columns.break(3);
  columns.push(9, { cpu: 6 });
  assert.deepEqual(columns.column("cpu"), [5, null, 6]);
});

test("a row that is not newer is passed over", () => {
  const columns = new Columns(100, 10);
  columns.push(2, { cpu: 5 });
  columns.push(2, { cpu: 6 });
  columns.push(1, { cpu: 7 });
  assert.deepEqual(columns.times, [2]);
});

test("the past goes before what is held, without overlap", () => {
  const columns = new Columns(100, 10);
  columns.push(3, { cpu: 3 });
  columns.fillPast([1, 2, 3, 4], { cpu: [1, 2, 30, 40], load: [9, 9, 9, 9] });
  assert.deepEqual(columns.times, [1, 2, 3]);
  assert.deepEqual(columns.column("cpu"), [1, 2, 3]);
  assert.deepEqual(columns.column("load"), [9, 9, null]);
});

test("columns are bounded in time and number", () => {
  const columns = new Columns(10, 5);
  for (let time = 0; time < 20; time += 1) columns.push(time, { cpu: time });
  assert.deepEqual(columns.times, [15, 16, 17, 18, 19]);
  columns.push(40, { cpu: 1 });
  assert.deepEqual(columns.times, [40]);
});

test("a sum of nothing is absent, not zero", () => {
  assert.equal(sum([]), null);
  assert.equal(sum([null, undefined]), null);
  assert.equal(sum([null, 0]), 0);
  assert.deepEqual(otherCpu([null, 10], [null, 4], [null, 3]), [null, 3]);
});

const SAMPLE: Sample = { machine: "m", name: "m", boot_id: "b", time: 1 };

test("a sample without figures charts as absent", () => {
  for (const figure of Object.values(mainFigures(SAMPLE))) assert.equal(figure ?? null, null);
});

function interfaceOf(name: string, rate: number, more: object) {
  const packets = { received_packets: 0, sent_packets: 0, receive_errors: 0, send_errors: 0 };
  const rest = { received_bytes: 0, sent_bytes: 0, receive_drops: 0, send_drops: 0 };
  return { name, received_bytes_per_second: rate, ...packets, ...rest, ...more };
}

test("a byte that passes a bridge and a card counts once", () => {
  const card = interfaceOf("eth0", 10, {});
  const bridge = interfaceOf("br0", 10, { virtual: true });
  const loopback = interfaceOf("lo", 99, { loopback: true });
  const received = (interfaces: Sample["interfaces"] & object) =>
    mainFigures({ ...SAMPLE, interfaces })["received_bytes_per_second"];
  assert.equal(received([card, bridge, loopback]), 10);
  assert.equal(received([bridge, loopback]), 10, "a container has no card");
});

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
