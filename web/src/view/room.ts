import type { Client } from "../core/client.ts";
import { namesInARow } from "../core/format.ts";
import type { Room } from "../core/room.ts";
import { LOBBY } from "../core/talk.ts";
import type { Topic } from "../core/topics.ts";
import { Composer } from "./composer.ts";
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { MessageList } from "./messages.ts";
import type { View } from "./view.ts";

/** One room: its name, its messages, and where to write. */
export class RoomView implements View {
  readonly element: HTMLElement;
  readonly title: string;
  readonly #client: Client;
  readonly #room: Room;
  readonly #messages: MessageList;
  readonly #composer: Composer;
  readonly #about = h("p", { class: "about" });
  readonly #typing = h("p", { class: "typing" });
  readonly #heard = h("div", { class: "unseen", role: "log", "aria-live": "polite" });
  #announced = 0;
  #epoch = "";

  constructor(client: Client, room: Room, buttons: { menu: HTMLElement; people: HTMLElement }) {
    this.#client = client;
    this.#room = room;
    this.title = room.name;
    this.#messages = new MessageList(client, room);
    this.#composer = new Composer(client, room, () => this.#messages.toEnd());
    const leave = h(
      "button",
      {
        class: "quiet",
        type: "button",
        title: `Leave ${room.name}`,
        "aria-label": `Leave ${room.name}`,
        on: {
          click: () => {
            client.talk.leave(room.name);
            client.rememberRooms();
            location.hash = "#/room/lobby";
          },
        },
      },
      icon("close"),
    );
    this.element = h(
      "section",
      { class: "room", "aria-label": room.name },
      h(
        "header",
        { class: "bar" },
        buttons.menu,
        h("div", { class: "bar-title" }, h("h1", {}, room.name), this.#about),
        room.name === LOBBY ? null : leave,
        buttons.people,
      ),
      this.#messages.element,
      this.#typing,
      this.#composer.element,
      this.#heard,
    );
    this.#update();
  }

  update(changed: ReadonlySet<Topic>): void {
    if (changed.has("log") || changed.has("people") || changed.has("link")) this.#update();
    else if (changed.has("typing")) this.#showTyping();
  }

  looked(): void {
    this.#messages.update();
  }

  opened(): void {
    this.#messages.toEnd();
    // On a phone the keyboard would cover half of what one came to read.
    if (matchMedia("(hover: hover)").matches) this.#composer.focus();
  }

  dispose(): void {
    this.#messages.dispose();
  }

  #update(): void {
    this.#messages.update();
    const { joined, memberCount, epoch } = this.#room;
    const people = memberCount === 1 ? "only you are here" : `${memberCount} people here`;
    setText(this.#about, joined ? people : epoch ? "as it was when last seen" : "coming in …");
    this.#showTyping();
    this.#announce();
  }

  #showTyping(): void {
    const names = this.#client.talk.typists(this.#room.name);
    const words = names.length === 1 ? "is typing …" : "are typing …";
    setText(this.#typing, names.length > 0 ? `${namesInARow(names)} ${words}` : "");
  }

  /** What others say is read out once, as it comes; pages of history are not. */
  #announce(): void {
    if (this.#epoch !== this.#room.epoch) {
      this.#epoch = this.#room.epoch;
      this.#announced = this.#room.last;
    }
    for (const message of this.#room.messages.slice(-5)) {
      if (message.offset <= this.#announced || this.#client.talk.isMine(message)) continue;
      this.#heard.append(h("p", {}, `${message.name}: ${message.text}`));
    }
    this.#announced = this.#room.last;
    while (this.#heard.childElementCount > 10) this.#heard.firstElementChild?.remove();
  }
}
