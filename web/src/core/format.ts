/** Figures and times as people read them. What is absent is shown as absent, never as 0. */

export const ABSENT = "–";

export type Figure = number | null | undefined;

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(figure: Figure): string {
  if (figure === null || figure === undefined) return ABSENT;
  let unit = 0;
  let rest = figure;
  while (Math.abs(rest) >= 1000 && unit < BYTE_UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(rest) : digits(rest)} ${BYTE_UNITS[unit]}`;
}

export function bytesPerSecond(figure: Figure): string {
  return figure === null || figure === undefined ? ABSENT : `${bytes(figure)}/s`;
}

export function percent(figure: Figure): string {
  if (figure === null || figure === undefined) return ABSENT;
  return `${figure >= 10 || figure === 0 ? Math.round(figure) : figure.toFixed(1)} %`;
}

export function count(figure: Figure): string {
  return figure === null || figure === undefined
    ? ABSENT
    : Math.round(figure).toLocaleString("en").replaceAll(",", "\u202f");
}

export function decimal(figure: Figure, places = 2): string {
  return figure === null || figure === undefined ? ABSENT : figure.toFixed(places);
}

export function megahertz(figure: Figure): string {
  if (figure === null || figure === undefined) return ABSENT;
  return figure >= 1000 ? `${(figure / 1000).toFixed(2)} GHz` : `${Math.round(figure)} MHz`;
}

/** A span in its two largest units. */
export function duration(seconds: Figure): string {
  if (seconds === null || seconds === undefined) return ABSENT;
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor((whole % 86_400) / 3_600), "h"],
    [Math.floor((whole % 3_600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  const shown = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

export function clock(time: number): string {
  return new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function dateAndTime(time: Figure): string {
  if (time === null || time === undefined) return ABSENT;
  return new Date(time * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** A day in words: Today, Yesterday, a weekday within the last week, else the date. */
export function day(time: number, now: number): string {
  const then = new Date(time * 1000);
  const days = daysBetween(then, new Date(now * 1000));
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return then.toLocaleDateString("en", { weekday: "long" });
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "long" };
  if (then.getFullYear() !== new Date(now * 1000).getFullYear()) options.year = "numeric";
  return then.toLocaleDateString("en-GB", options);
}

export function sameDay(one: number, other: number): boolean {
  return daysBetween(new Date(one * 1000), new Date(other * 1000)) === 0;
}

/** The first letters of a name, for its picture. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "");
  return letters.join("").toLocaleUpperCase();
}

/** A hue from 0 to 359 that is always the same for the same name (FNV-1a). */
export function hue(name: string): number {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ unit, 0x01000193) >>> 0;
  }
  return hash % 360;
}

/** Names in a row: "ada", "ada and bo", "ada, bo and 3 others". */
export function namesInARow(names: readonly string[], most = 3): string {
  if (names.length <= 1) return names[0] ?? "";
  const shown = names.length > most ? names.slice(0, most - 1) : names.slice(0, -1);
  const rest = names.length - shown.length;
  return `${shown.join(", ")} and ${rest === 1 ? names.at(-1) : `${rest} others`}`;
}

function daysBetween(earlier: Date, later: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
