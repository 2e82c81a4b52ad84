import type { Client } from "../core/client.ts";
import { clock, day } from "../core/format.ts";
import { pieces } from "../core/links.ts";
import type { Pending, Room } from "../core/room.ts";
import { type Item, timeline } from "../core/timeline.ts";
import type { Message } from "../wire.ts";
import { avatar, paint } from "./avatar.ts";
import { h, Keyed, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";

const AT_BOTTOM_PX = 40;
const FETCH_WITHIN_PX = 800;

interface Row {
  element: HTMLElement;
  update?(item: Item): void;
}

/** The messages of one room. Keeps the reader's place, whatever comes above or below it. */
export class MessageList {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #room: Room;
  readonly #scroller: HTMLElement;
  readonly #list: HTMLElement;
  readonly #top: HTMLElement;
  readonly #jump: HTMLButtonElement;
  readonly #jumpText: HTMLElement;
  readonly #rows: Keyed<Item, Row>;
  readonly #resizes: ResizeObserver;
  #follow = true; // stay at the end as messages come
  #newAfter: number | null;

  constructor(client: Client, room: Room) {
    this.#client = client;
    this.#room = room;
    this.#newAfter = room.unread > 0 ? room.read.offset : null;
    this.#list = h("ol", { class: "messages" });
    this.#top = h("p", { class: "messages-top" });
    const label = `Messages in ${room.name}`;
    this.#scroller = h(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-label": label },
      this.#top,
      this.#list,
    );
    this.#jumpText = h("span");
    this.#jump = h(
      "button",
      { class: "jump", type: "button", hidden: true, on: { click: () => this.toEnd() } },
      icon("down"),
      this.#jumpText,
    );
    this.element = h("div", { class: "message-list" }, this.#scroller, this.#jump);
    this.#rows = new Keyed(
      this.#list,
      (item) => item.key,
      (item) => this.#makeRow(item),
      (row, item) => row.update?.(item),
    );
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // The on-screen keyboard, a growing entry and a wrapped line all take room from the list.
    this.#resizes = new ResizeObserver(() => this.#keepEnd());
    this.#resizes.observe(this.#scroller);
    this.#resizes.observe(this.#list);
  }

  dispose(): void {
    this.#resizes.disconnect();
    this.#room.reading = false;
  }

  update(): void {
    this.#markNew();
    const anchor = this.#follow ? null : this.#anchor();
    const isMine = (message: Message) => this.#client.talk.isMine(message);
    const items = timeline(this.#room, isMine, this.#newAfter);
    this.#rows.show(items);
    setText(this.#top, this.#topText(items.length));
    if (anchor) this.#scroller.scrollTop += anchor.element.offsetTop - anchor.top;
    this.#keepEnd();
    this.#readOn();
  }

  /** To the newest message, and on with what comes. */
  toEnd(): void {
    this.#follow = true;
    this.#keepEnd();
    this.#readOn();
  }

  /** What comes while nobody looks begins after a line, which stays until one looks away again. */
  #markNew(): void {
    if (isLooking()) return;
    this.#newAfter = this.#room.unread > 0 ? this.#room.read.offset : null;
  }

  /** What the person sees counts as read. */
  #readOn(): void {
    this.#room.reading = !this.#follow;
    if (this.#follow && isLooking() && this.#client.talk.markRead(this.#room)) {
      this.#client.rememberRooms();
    }
    const unread = this.#room.unread;
    setHidden(this.#jump, this.#follow);
    setText(
      this.#jumpText,
      unread === 0 ? "To the end" : unread === 1 ? "1 new message" : `${unread} new messages`,
    );
    this.#jump.classList.toggle("has-new", unread > 0);
    this.#fetchEarlier();
  }

  #scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroller;
    const follow = scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
    if (follow !== this.#follow) {
      this.#follow = follow;
      this.#readOn();
    } else this.#fetchEarlier();
  }

  #fetchEarlier(): void {
    if (this.#scroller.scrollTop > FETCH_WITHIN_PX || !this.element.isConnected) return;
    void this.#client.talk.earlier(this.#room);
  }

  #keepEnd(): void {
    if (this.#follow) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  /** The row in the middle of what is seen, and where it lies: there it shall lie again. */
  #anchor(): { element: HTMLElement; top: number } | null {
    const from = this.#scroller.scrollTop + this.#scroller.clientHeight / 2;
    const rows = this.#list.children as HTMLCollectionOf<HTMLElement>;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle] as HTMLElement;
      if (row.offsetTop + row.offsetHeight > from) high = middle;
      else low = middle + 1;
    }
    // A day's line may be replaced by earlier messages of that day; a message stays.
    for (let index = low; index < rows.length; index += 1) {
      const row = rows[index] as HTMLElement;
      if (row.classList.contains("message")) return { element: row, top: row.offsetTop };
    }
    return null;
  }

  #topText(count: number): string {
    const { name, moreBefore, joined, epoch } = this.#room;
    if (moreBefore) return joined ? "Fetching earlier messages …" : "";
    if (!epoch) return "";
    return count === 0 ? `Nothing has been said in ${name} yet.` : `This is where ${name} begins.`;
  }

  #makeRow(item: Item): Row {
    switch (item.kind) {
      case "day": {
        const words = h("span");
        return {
          element: h("li", { class: "day" }, words),
          update: (now) => now.kind === "day" && setText(words, day(now.time, this.#client.now())),
        };
      }
      case "new":
        return { element: h("li", { class: "new-line" }, h("span", {}, "New")) };
      case "notice": {
        const element = h("li", { class: "notice" });
        return {
          element,
          update: (now) =>
            now.kind === "notice" && setText(element, `${now.text} · ${clock(now.time)}`),
        };
      }
      case "message":
        return messageRow(item.message, item.mine);
      case "pending":
        return this.#pendingRow(item.pending);
    }
  }

  #pendingRow(pending: Pending): Row {
    const state = h("span", { class: "state" });
    const again = () => this.#client.talk.sayAgain(this.#room, pending.key);
    const discard = () => this.#client.talk.discard(this.#room, pending.key);
    const problem = h("span", { class: "problem" });
    const refused = h(
      "div",
      { class: "refused", role: "alert", hidden: true },
      problem,
      h("button", { class: "link", type: "button", on: { click: again } }, "Try again"),
      h("button", { class: "link", type: "button", on: { click: discard } }, "Discard"),
    );
    const element = h(
      "li",
      { class: "message mine pending" },
      h("div", { class: "bubble" }, textOf(pending.text), h("span", { class: "meta" }, state)),
      refused,
    );
    return {
      element,
      update(item) {
        if (item.kind !== "pending") return;
        element.classList.toggle("head", item.head);
        element.classList.toggle("is-refused", pending.state === "refused");
        setText(
          state,
          { waiting: "waiting …", sent: "sending …", refused: "not sent" }[pending.state],
        );
        setText(problem, pending.problem);
        setHidden(refused, pending.state !== "refused");
      },
    };
  }
}

function isLooking(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function messageRow(message: Message, mine: boolean): Row {
  const stamp = new Date(message.time * 1000);
  const time = h(
    "time",
    { class: "meta", datetime: stamp.toISOString(), title: stamp.toLocaleString() },
    clock(message.time),
  );
  const name = h("span", { class: "name" }, message.name);
  const element = h(
    "li",
    { class: `message${mine ? " mine" : ""}` },
    mine ? null : avatar(message.name),
    h("div", { class: "bubble" }, name, textOf(message.text), time),
  );
  paint(element, message.name);
  return {
    element,
    update: (item) => {
      if (item.kind === "message") element.classList.toggle("head", item.head);
    },
  };
}

function textOf(text: string): HTMLElement {
  const shown = h("span", { class: "text", dir: "auto" });
  for (const piece of pieces(text)) {
    if (piece.href === undefined) shown.append(piece.text);
    else {
      const attributes = {
        href: piece.href,
        target: "_blank",
        rel: "noopener noreferrer nofollow",
      };
      shown.append(h("a", attributes, piece.text));
    }
  }
  return shown;
}
