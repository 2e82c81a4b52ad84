import type { Client } from "../core/client.ts";
import { formatRoute, type Route } from "../core/route.ts";
import { LOBBY } from "../core/talk.ts";
import { avatar } from "./avatar.ts";
import { h, Keyed, setAttribute, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { RoomDialog } from "./roomdialog.ts";
import { Status } from "./status.ts";
import { themeSwitch } from "./theme.ts";

interface RoomRow {
  element: HTMLElement;
  link: HTMLElement;
  badge: HTMLElement;
  spoken: HTMLElement;
}

/** The hub, the rooms I am in, the machines, and myself. */
export class Sidebar {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #hub = h("p", { class: "hub-name" });
  readonly #status: Status;
  readonly #rooms: Keyed<string, RoomRow>;
  readonly #machinesLink: HTMLElement;
  readonly #machinesNote = h("span", { class: "note" });
  readonly #me = h("div", { class: "me" });
  readonly #dialog: RoomDialog;
  #route: Route;
  #shownName = "";

  constructor(client: Client, route: Route, close: HTMLElement) {
    this.#client = client;
    this.#route = route;
    this.#status = new Status(client);
    this.#dialog = new RoomDialog(client);
    const list = h("ul", { class: "nav-list" });
    this.#rooms = new Keyed(
      list,
      (name) => name,
      makeRoomRow,
      (row, name) => this.#updateRoom(row, name),
    );
    const add = h(
      "button",
      {
        class: "quiet",
        type: "button",
        "aria-label": "Join or open a room",
        title: "Join or open a room",
        on: { click: () => this.#dialog.open() },
      },
      icon("add"),
    );
    this.#machinesLink = h(
      "a",
      { class: "nav-link", href: "#/machines" },
      icon("machine"),
      h("span", { class: "nav-name" }, "Machines"),
      this.#machinesNote,
    );
    this.element = h(
      "nav",
      { id: "sidebar", class: "sidebar", "aria-label": "Rooms and machines" },
      h(
        "div",
        { class: "hub" },
        h("div", { class: "hub-text" }, this.#hub, this.#status.element),
        close,
      ),
      h("div", { class: "nav-head" }, h("h2", {}, "Rooms"), add),
      list,
      h("div", { class: "nav-head" }, h("h2", {}, "Machines")),
      h("ul", { class: "nav-list" }, h("li", {}, this.#machinesLink)),
      h("div", { class: "foot" }, this.#me, themeSwitch(), this.#leave()),
      this.#dialog.element,
    );
  }

  update(route: Route): void {
    this.#route = route;
    setText(this.#hub, this.#client.welcome?.hub ?? location.hostname);
    this.#status.update();
    const names = [...this.#client.talk.rooms.keys()];
    names.sort((a, b) => Number(b === LOBBY) - Number(a === LOBBY) || a.localeCompare(b));
    this.#rooms.show(names);
    const machines = [...this.#client.machines.all.values()];
    const here = machines.filter((machine) => machine.info.state === "here").length;
    const note = here === machines.length ? String(here) : `${here} of ${machines.length}`;
    setText(this.#machinesNote, machines.length === 0 ? "" : note);
    setAttribute(this.#machinesLink, "aria-current", route.view === "room" ? null : "page");
    this.#dialog.update();
    this.#showMe();
  }

  #updateRoom(row: RoomRow, name: string): void {
    const room = this.#client.talk.rooms.get(name);
    const unread = room?.unread ?? 0;
    const current = this.#route.view === "room" && this.#route.room === name;
    setAttribute(row.link, "aria-current", current ? "page" : null);
    setHidden(row.badge, unread === 0);
    setText(row.badge, unread > 99 ? "99+" : String(unread));
    setText(row.spoken, unread > 0 ? `, ${unread} unread` : "");
    row.link.classList.toggle("is-unread", unread > 0);
  }

  #showMe(): void {
    const { name } = this.#client.profile;
    if (name === this.#shownName) return;
    this.#shownName = name;
    this.#me.replaceChildren(avatar(name), h("span", { class: "person", dir: "auto" }, name));
  }

  #leave(): HTMLElement {
    const label = "Leave the hub";
    const on = { click: () => this.#client.quit() };
    return h(
      "button",
      { class: "quiet", type: "button", "aria-label": label, title: label, on },
      icon("leave"),
    );
  }
}

function makeRoomRow(name: string): RoomRow {
  const badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  const spoken = h("span", { class: "unseen" });
  const link = h(
    "a",
    { class: "nav-link", href: formatRoute({ view: "room", room: name }) },
    h("span", { class: "hash", "aria-hidden": "true" }, "#"),
    h("span", { class: "nav-name", dir: "auto" }, name.slice(1)),
    badge,
    spoken,
  );
  return { element: h("li", {}, link), link, badge, spoken };
}
