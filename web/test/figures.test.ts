import assert from "node:assert/strict";
import { test } from "node:test";
import { otherCpu } from "../src/core/columns.ts";
import { mainFigures, sum } from "../src/core/figures.ts";
import type { Sample } from "../src/wire.ts";

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
