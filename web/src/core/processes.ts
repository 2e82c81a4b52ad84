import type { ProcessFigures } from "../wire.ts";

export type SortKey = keyof ProcessFigures;

/** Those that match, in order; what is absent comes last either way. */
export function sortProcesses(
  processes: readonly ProcessFigures[],
  key: SortKey,
  descending: boolean,
  filter = "",
): ProcessFigures[] {
  const wanted = filter.trim().toLowerCase();
  const matches = (process: ProcessFigures) =>
    `${process.pid} ${process.name} ${process.user ?? ""}`.toLowerCase().includes(wanted);
  const sign = descending ? -1 : 1;
  return processes
    .map((process) => ({ rss_bytes: 0, vms_bytes: 0, ...process })) // what the wire leaves out
    .filter((process) => wanted === "" || matches(process))
    .sort((a, b) => compare(a[key], b[key], sign) || a.pid - b.pid);
}

function compare(
  one: string | number | null | undefined,
  other: string | number | null | undefined,
  sign: number,
): number {
  const absent = Number(one === null || one === undefined);
  const otherAbsent = Number(other === null || other === undefined);
  if (absent || otherAbsent) return absent - otherAbsent;
  if (typeof one === "string" && typeof other === "string") return sign * one.localeCompare(other);
  return sign * (Number(one) - Number(other));
}
