import type { Message } from "../wire.ts";
import { namesInARow, sameDay } from "./format.ts";
import type { Notice, Pending, Room } from "./room.ts";

/** What a room shows from top to bottom. `key` is the same for the same thing every time. */
export type Item =
  | { kind: "day"; key: string; time: number }
  | { kind: "new"; key: string }
  | { kind: "notice"; key: string; text: string; time: number }
  | { kind: "message"; key: string; message: Message; head: boolean; mine: boolean }
  | { kind: "pending"; key: string; pending: Pending; head: boolean };

/** Messages of one sender closer than this stand together under one name. */
const GROUP_SECONDS = 300;

/**
 * The room's messages with day separators, notices of who came and went, a line before the first
 * message after `newAfter` (null: none), and my messages that are on their way at the end.
 */
export function timeline(
  room: Room,
  isMine: (message: Message) => boolean,
  newAfter: number | null,
): Item[] {
  const items: Item[] = [];
  const notices = [...room.notices];
  const first = room.messages[0]?.offset ?? 0;
  while (notices[0] && notices[0].after < first - 1) notices.shift();
  let before: Message | null = null;
  for (const message of room.messages) {
    const newDay = !before || !sameDay(before.time, message.time);
    const earlierDay = (notice: Notice) => !sameDay(notice.time, message.time);
    let head = newDay && pushNotices(items, notices, message.offset, earlierDay);
    if (newDay) {
      items.push({ kind: "day", key: `day ${message.offset}`, time: message.time });
      head = true;
    }
    head = pushNotices(items, notices, message.offset) || head;
    if (newAfter !== null && message.offset > newAfter && (before?.offset ?? 0) <= newAfter) {
      items.push({ kind: "new", key: "new" });
      head = true;
    }
    head ||= !before || !belongsTogether(before, message);
    const mine = isMine(message);
    items.push({ kind: "message", key: `message ${message.offset}`, message, head, mine });
    before = message;
  }
  pushNotices(items, notices, Number.POSITIVE_INFINITY);
  pushPending(items, room.pending, before !== null && isMine(before));
  return items;
}

function belongsTogether(one: Message, next: Message): boolean {
  const same = one.member === next.member && one.name === next.name;
  return same && next.time - one.time < GROUP_SECONDS;
}

/** Notices before this offset, those of one kind in a row as one. Returns whether there were any. */
function pushNotices(
  items: Item[],
  notices: Notice[],
  offset: number,
  wanted: (notice: Notice) => boolean = () => true,
): boolean {
  let run: Notice[] = [];
  let some = false;
  const flush = () => {
    const [first] = run;
    if (!first) return;
    const names = [...new Set(run.map((notice) => notice.name))];
    const key = `notice ${first.after} ${first.kind} ${first.time}`;
    const text = `${namesInARow(names)} ${WORDS[first.kind]}`;
    items.push({ kind: "notice", key, text, time: first.time });
    run = [];
    some = true;
  };
  while (notices[0] && notices[0].after < offset && wanted(notices[0])) {
    const notice = notices.shift() as Notice;
    if (run[0] && run[0].kind !== notice.kind) flush();
    run.push(notice);
  }
  flush();
  return some;
}

const WORDS: Record<Notice["kind"], string> = {
  arrived: "came in",
  left: "left",
  lost: "lost the connection",
};

function pushPending(items: Item[], pending: readonly Pending[], afterMine: boolean): void {
  for (const [index, one] of pending.entries()) {
    const head = index === 0 && !(afterMine && items.at(-1)?.kind === "message");
    items.push({ kind: "pending", key: `pending ${one.key}`, pending: one, head });
  }
}
