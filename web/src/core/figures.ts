import type { Sample } from "../wire.ts";

/** The figures of a sample that are charted, under the names that the hub's past has them. */
export function mainFigures(_sample: Sample): Record<string, number | null | undefined> {
  return {};
}
