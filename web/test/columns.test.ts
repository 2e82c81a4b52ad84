import assert from "node:assert/strict";
import { test } from "node:test";
import { Columns } from "../src/core/columns.ts";

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
