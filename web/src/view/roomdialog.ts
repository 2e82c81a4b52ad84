import type { Client } from "../core/client.ts";
import { Refused } from "../core/requests.ts";
import { formatRoute, roomName } from "../core/route.ts";
import type { RoomInfo } from "../wire.ts";
import { h, Keyed, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";

/** Choose one of the hub's rooms, or name a new one. */
export class RoomDialog {
  readonly element: HTMLDialogElement;
  readonly #client: Client;
  readonly #entry: HTMLInputElement;
  readonly #problem = h("p", { id: "room-problem", class: "problem", role: "alert", hidden: true });
  readonly #others = h("h3", {}, "On this hub");
  readonly #rows: Keyed<RoomInfo, { element: HTMLElement; note: HTMLElement }>;

  constructor(client: Client) {
    this.#client = client;
    this.#entry = h("input", {
      id: "room-entry",
      type: "text",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "50",
      placeholder: "#workshop",
      "aria-describedby": "room-problem",
    });
    const list = h("ul", { class: "room-choice" });
    this.#rows = new Keyed(
      list,
      (room) => room.name,
      (room) => this.#makeRow(room),
      (row, room) => setText(row.note, memberWords(room.members)),
    );
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      void this.#join(this.#entry.value);
    };
    const close = { click: () => this.element.close() };
    this.element = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "room-title" },
      h(
        "header",
        {},
        h("h2", { id: "room-title" }, "Join or open a room"),
        h(
          "button",
          { class: "quiet", type: "button", "aria-label": "Close", on: close },
          icon("close"),
        ),
      ),
      h(
        "form",
        { on: { submit } },
        h("label", { for: "room-entry" }, "Name; a room that is not there yet is opened"),
        h(
          "div",
          { class: "field" },
          this.#entry,
          h("button", { class: "button primary", type: "submit" }, "Join"),
        ),
        this.#problem,
      ),
      this.#others,
      list,
    );
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close(); // beside it
    });
  }

  open(): void {
    this.#entry.value = "";
    this.#say("");
    void this.#client.talk.listRooms();
    this.element.showModal();
    this.#entry.focus();
  }

  update(): void {
    if (!this.element.open) return;
    const { all, rooms } = this.#client.talk;
    const others = all.filter((room) => !rooms.has(room.name));
    this.#rows.show(others);
    setHidden(this.#others, others.length === 0);
  }

  async #join(typed: string): Promise<void> {
    const name = roomName(typed);
    if (!name) return this.#say("Type the name of a room, as in #workshop.");
    try {
      await this.#client.talk.join(name);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return this.#say(error.problem.message);
    }
    this.#client.rememberRooms();
    this.element.close();
    location.hash = formatRoute({ view: "room", room: name });
  }

  #makeRow(room: RoomInfo): { element: HTMLElement; note: HTMLElement } {
    const note = h("span", { class: "note" });
    const join = { click: () => void this.#join(room.name) };
    const button = h(
      "button",
      { class: "choice", type: "button", on: join },
      h("span", { class: "nav-name", dir: "auto" }, room.name),
      note,
    );
    return { element: h("li", {}, button), note };
  }

  #say(problem: string): void {
    setText(this.#problem, problem);
    setHidden(this.#problem, problem === "");
  }
}

function memberWords(members: number): string {
  return members === 0 ? "empty" : members === 1 ? "1 person" : `${members} people`;
}
