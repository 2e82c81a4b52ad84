import {
  bytes,
  bytesPerSecond,
  count,
  dateAndTime,
  decimal,
  duration,
  megahertz,
  percent,
} from "../../core/format.ts";
import type { Interface, Mount, Sample } from "../../wire.ts";
import { h } from "../dom.ts";

/** A named figure. */
export type Fact = readonly [name: string, value: string];

export interface Group {
  title: string;
  facts: readonly Fact[];
}

const CPU_KINDS = [
  ["user", "User"],
  ["system", "System"],
  ["nice", "Nice"],
  ["idle", "Idle"],
  ["iowait", "Waiting for I/O"],
  ["irq", "Interrupts"],
  ["softirq", "Soft interrupts"],
  ["steal", "Stolen"],
  ["guest", "Guests"],
  ["guest_nice", "Guests, nice"],
] as const;

/** Every figure of a sample that is a figure of the whole machine. Absent ones show as absent. */
export function factGroups(sample: Sample, now: number): Group[] {
  const { cpu, memory, swap, load, system, agent } = sample;
  const percents = cpu?.percents;
  const times = cpu?.times;
  return [
    {
      title: "Processor, where its time goes",
      facts: CPU_KINDS.map(([kind, name]) => [
        name,
        `${percent(percents?.[`${kind}_percent`])}  ·  ${duration(times?.[`${kind}_seconds`])}`,
      ]),
    },
    {
      title: "Processor",
      facts: [
        ["Model", system?.processor || "–"],
        ["Cores", count(cpu?.cores?.length || null)],
        ["Frequency", megahertz(cpu?.frequency_mhz)],
        ["Lowest", megahertz(cpu?.frequency_min_mhz)],
        ["Highest", megahertz(cpu?.frequency_max_mhz)],
        ["Load, 1 minute", decimal(load?.load_1)],
        ["Load, 5 minutes", decimal(load?.load_5)],
        ["Load, 15 minutes", decimal(load?.load_15)],
        ["Context switches", withRate(cpu?.context_switches, cpu?.context_switches_per_second)],
        ["Interrupts", withRate(cpu?.interrupts, cpu?.interrupts_per_second)],
        ["Soft interrupts", withRate(cpu?.soft_interrupts, cpu?.soft_interrupts_per_second)],
      ],
    },
    {
      title: "Memory",
      facts: [
        ["Total", bytes(memory?.total_bytes)],
        ["Available", bytes(memory?.available_bytes)],
        ["Used", `${bytes(memory?.used_bytes)}  ·  ${percent(memory?.used_percent)}`],
        ["Free", bytes(memory?.free_bytes)],
        ["Active", bytes(memory?.active_bytes)],
        ["Inactive", bytes(memory?.inactive_bytes)],
        ["Buffers", bytes(memory?.buffers_bytes)],
        ["Cached", bytes(memory?.cached_bytes)],
        ["Shared", bytes(memory?.shared_bytes)],
        ["Slab", bytes(memory?.slab_bytes)],
      ],
    },
    {
      title: "Swap",
      facts: [
        ["Total", bytes(swap?.total_bytes)],
        ["Used", `${bytes(swap?.used_bytes)}  ·  ${percent(swap?.used_percent)}`],
        ["Free", bytes(swap?.free_bytes)],
        ["Swapped in", bytes(swap?.swapped_in_bytes)],
        ["Swapped out", bytes(swap?.swapped_out_bytes)],
        ["In, now", bytesPerSecond(swap?.swapped_in_bytes_per_second)],
        ["Out, now", bytesPerSecond(swap?.swapped_out_bytes_per_second)],
      ],
    },
    {
      title: "System",
      facts: [
        ["System", system?.distribution || system?.kernel || "–"],
        ["Kernel", [system?.kernel, system?.release].filter(Boolean).join(" ") || "–"],
        ["Architecture", system?.architecture || "–"],
        ["Started", dateAndTime(sample.boot_time)],
        ["Up for", duration(sample.boot_time ? now - sample.boot_time : null)],
        ["Processes", count(sample.process_count)],
        ["Users", count(sample.users?.length ?? 0)],
      ],
    },
    {
      title: agent?.shared ? "Reporting (within the hub)" : "Reporting",
      facts: [
        ["CPU, of one core", percent(agent?.cpu_percent)],
        ["CPU time", duration(agent?.cpu_seconds)],
        ["Memory", bytes(agent?.rss_bytes)],
        ["One sample takes", milliseconds(agent?.sampling_seconds)],
        ["Version", agent?.version || "–"],
      ],
    },
  ];
}

export const MOUNT_HEAD = ["Mounted at", "Device", "Type", "Size", "Used", "Free", "In use"];

export function mountCells(mount: Mount): string[] {
  const { mountpoint, device, filesystem } = mount;
  const sizes = [mount.total_bytes, mount.used_bytes, mount.free_bytes].map(bytes);
  return [mountpoint, device, filesystem, ...sizes, percent(mount.used_percent)];
}

export const INTERFACE_HEAD = [
  "Interface",
  "State",
  "Receiving",
  "Sending",
  "Received",
  "Sent",
  "Errors in / out",
  "Drops in / out",
];

export function interfaceCells(one: Interface): string[] {
  const state = one.up === null || one.up === undefined ? "–" : one.up ? "up" : "down";
  const speed = one.speed_mbits ? ` · ${count(one.speed_mbits)} Mbit/s` : "";
  return [
    one.name,
    state + speed,
    bytesPerSecond(one.received_bytes_per_second),
    bytesPerSecond(one.sent_bytes_per_second),
    bytes(one.received_bytes),
    bytes(one.sent_bytes),
    `${count(one.receive_errors)} / ${count(one.send_errors)}`,
    `${count(one.receive_drops)} / ${count(one.send_drops)}`,
  ];
}

export const USER_HEAD = ["User", "Terminal", "From", "Since"];

export function userCells(user: NonNullable<Sample["users"]>[number]): string[] {
  return [user.name, user.terminal || "–", user.host || "–", dateAndTime(user.started || null)];
}

export const DISK_HEAD = [
  "Disk",
  "Reading",
  "Writing",
  "Read",
  "Written",
  "Reads",
  "Writes",
  "Busy",
];

export function diskCells(disk: NonNullable<Sample["disks"]>[number]): string[] {
  return [
    disk.name,
    bytesPerSecond(disk.read_bytes_per_second),
    bytesPerSecond(disk.written_bytes_per_second),
    bytes(disk.read_bytes),
    bytes(disk.written_bytes),
    count(disk.read_count),
    count(disk.write_count),
    percent(disk.busy_percent),
  ];
}

/** A list of named figures, made once and then only its values changed. */
export function factList(group: Group): { element: HTMLElement; values: HTMLElement[] } {
  const values = group.facts.map(() => h("dd"));
  const rows = group.facts.map(([name], index) =>
    h("div", {}, h("dt", {}, name), values[index] ?? null),
  );
  const element = h("section", { class: "facts" }, h("h3", {}, group.title), h("dl", {}, ...rows));
  return { element, values };
}

function withRate(total: number | null | undefined, rate: number | null | undefined): string {
  return `${count(total)}  ·  ${count(rate)}/s`;
}

function milliseconds(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? "–" : `${(seconds * 1000).toFixed(1)} ms`;
}
