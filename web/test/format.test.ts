import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../src/core/format.ts";

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
