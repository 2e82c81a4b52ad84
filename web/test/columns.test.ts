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

test("the past takes the place of what is held of its time, and nothing else", () => {
  const columns = new Columns(100, 10);
  columns.push(0.5, { cpu: 0 });
  columns.push(3, { cpu: 3 });
  columns.push(5, { cpu: 5 });
  columns.break(6);
  columns.fillPast([1, 2, 3, 4], { cpu: [1, 2, 30, 40], load: [9, 9, 9, 9] });
  columns.push(7, { cpu: 7 });
  assert.deepEqual(columns.times, [0.5, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(columns.column("cpu"), [0, 1, 2, 30, 40, 5, null, 7]);
  assert.deepEqual(columns.column("load"), [null, 9, 9, 9, 9, null, null, null]);
});

test("what comes after a past of means becomes means like them", () => {
  const columns = new Columns(1_000, 100);
  columns.fillPast([605, 608.5], { cpu: [10, 20] }, 6); // 606.5, 607.5 and 608.5 so far
  columns.push(609.5, { cpu: 60 });
  assert.deepEqual(columns.times, [605, 609.5]);
  assert.deepEqual(columns.column("cpu"), [10, 30]);
  for (let second = 10; second < 18; second += 1) columns.push(600.5 + second, { cpu: second });
  assert.deepEqual(columns.times, [605, 611.5, 617.5]);
  assert.deepEqual(columns.column("cpu").slice(2), [14.5]);
});

test("what was heard before the past came is not counted twice", () => {
  const columns = new Columns(1_000, 100);
  columns.push(608.6, { cpu: 20 });
  columns.fillPast([605, 608.5], { cpu: [10, 20] }, 6);
  assert.deepEqual(columns.times, [605, 608.5]);
  columns.push(613, { cpu: 1 });
  columns.fillPast([605, 611.5], { cpu: [10, 20] }, 6);
  assert.deepEqual(columns.times, [605, 611.5, 613]);
});

test("a mean is one of the figures that were there", () => {
  const columns = new Columns(1_000, 100);
  columns.fillPast([600.5], { cpu: [4] }, 6);
  columns.push(601.5, { cpu: null, load: 3 });
  columns.push(602.5, { cpu: 8, load: 5 });
  assert.deepEqual(columns.column("cpu"), [6]);
  assert.deepEqual(columns.column("load"), [4]);
});

test("a break parts what is within one stretch of time", () => {
  const columns = new Columns(1_000, 100);
  columns.fillPast([600.5], { cpu: [4] }, 6);
  columns.break(601);
  columns.push(602, { cpu: 8 });
  columns.push(603, { cpu: 10 });
  assert.deepEqual(columns.column("cpu"), [4, null, 9]);
});

test("columns are bounded in time and number", () => {
  const columns = new Columns(10, 5);
  for (let time = 0; time < 20; time += 1) columns.push(time, { cpu: time });
  assert.deepEqual(columns.times, [15, 16, 17, 18, 19]);
  columns.push(40, { cpu: 1 });
  assert.deepEqual(columns.times, [40]);
});
