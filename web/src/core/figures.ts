import type { Interface, Sample } from "../wire.ts";
import type { Figure } from "./format.ts";

/**
 * The figures of a sample that are charted, under the names that the hub's past of a machine has
 * them (`lanline.monitor.series`), and the rest of the CPU's time as `other_percent`.
 */
export function mainFigures(sample: Sample): Record<string, Figure> {
  const percents = sample.cpu?.percents;
  const interfaces = outward(sample.interfaces ?? []);
  const disks = (sample.disks ?? []).filter((disk) => !disk.virtual);
  return {
    cpu_percent: percents?.busy_percent,
    user_percent: percents?.user_percent,
    system_percent: percents?.system_percent,
    iowait_percent: percents?.iowait_percent,
    steal_percent: percents?.steal_percent,
    other_percent: sum([percents?.nice_percent, percents?.irq_percent, percents?.softirq_percent]),
    memory_percent: sample.memory?.used_percent,
    swap_percent: sample.swap?.used_percent,
    disk_percent: highest((sample.mounts ?? []).map((mount) => mount.used_percent)),
    load_1: sample.load?.load_1,
    received_bytes_per_second: sum(interfaces.map((one) => one.received_bytes_per_second)),
    sent_bytes_per_second: sum(interfaces.map((one) => one.sent_bytes_per_second)),
    read_bytes_per_second: sum(disks.map((disk) => disk.read_bytes_per_second)),
    written_bytes_per_second: sum(disks.map((disk) => disk.written_bytes_per_second)),
    context_switches_per_second: sample.cpu?.context_switches_per_second,
  };
}

/** The sum of those there are; absent when none is. */
export function sum(figures: readonly Figure[]): number | null {
  let total: number | null = null;
  for (const figure of figures) {
    if (figure !== null && figure !== undefined) total = (total ?? 0) + figure;
  }
  return total;
}

function highest(figures: readonly number[]): number | null {
  return figures.length === 0 ? null : Math.max(...figures);
}

/** A bridge carries what a card has carried already; without any card, what there is counts. */
function outward(interfaces: readonly Interface[]): readonly Interface[] {
  const beyond = interfaces.filter((one) => !one.loopback);
  const real = beyond.filter((one) => !one.virtual);
  return real.length > 0 ? real : beyond;
}
