import type { Client } from "../core/client.ts";
import type { Room } from "../core/room.ts";
import { h, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";

const DRAFTS = new Map<string, string>(); // by room, while the page is open

/** Where a message is written. Enter sends, Shift+Enter breaks the line, `quit` leaves. */
export class Composer {
  readonly element: HTMLFormElement;
  readonly #client: Client;
  readonly #room: Room;
  readonly #entry: HTMLTextAreaElement;
  readonly #problem: HTMLElement;
  readonly #send: HTMLButtonElement;
  readonly #sent: () => void;

  constructor(client: Client, room: Room, sent: () => void) {
    this.#client = client;
    this.#room = room;
    this.#sent = sent;
    this.#entry = h("textarea", {
      id: "entry",
      rows: "1",
      enterkeyhint: "send",
      autocapitalize: "sentences",
      placeholder: `Message ${room.name}`,
      "aria-label": `Message to ${room.name}`,
      "aria-describedby": "entry-problem",
      on: {
        input: () => this.#typed(),
        keydown: (event: KeyboardEvent) => this.#pressed(event),
      },
    });
    this.#entry.value = DRAFTS.get(room.name) ?? "";
    this.#problem = h("p", { id: "entry-problem", class: "problem", role: "alert", hidden: true });
    this.#send = h(
      "button",
      {
        class: "send",
        type: "submit",
        "aria-label": "Send",
        title: "Send (Enter)",
        // The entry keeps the focus, and the phone its keyboard.
        on: { mousedown: (event: MouseEvent) => event.preventDefault() },
      },
      icon("send"),
    );
    this.element = h(
      "form",
      {
        class: "composer",
        on: {
          submit: (event: SubmitEvent) => {
            event.preventDefault();
            this.#submit();
          },
        },
      },
      this.#problem,
      h("div", { class: "entry" }, this.#entry, this.#send),
    );
    this.#typed(false);
  }

  focus(): void {
    this.#entry.focus({ preventScroll: true });
  }

  #pressed(event: KeyboardEvent): void {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #typed(tell = true): void {
    const text = this.#entry.value;
    DRAFTS.set(this.#room.name, text);
    this.#send.disabled = text.trim() === "";
    if (!CSS.supports("field-sizing", "content")) {
      this.#entry.style.height = "auto";
      this.#entry.style.height = `${this.#entry.scrollHeight}px`;
    }
    this.#say("");
    if (tell && text.trim() !== "") this.#client.talk.typing(this.#room);
  }

  #submit(): void {
    const text = this.#entry.value.trim();
    if (text === "") return;
    if (text === "quit") this.#client.quit();
    else {
      const problem = this.#client.talk.say(this.#room, text);
      if (problem) {
        this.#say(problem);
        return;
      }
    }
    this.#entry.value = "";
    this.#typed(false);
    this.#sent();
  }

  #say(problem: string): void {
    setText(this.#problem, problem);
    setHidden(this.#problem, problem === "");
  }
}
