import type { Client } from "../core/client.ts";
import type { Machine } from "../core/machines.ts";
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

interface MachineRow {
  element: HTMLElement;
  link: HTMLElement;
  name: HTMLElement;
  spoken: HTMLElement;
}

const MOST_MACHINES = 12; // the rest are under "All machines"

/** The hub, the rooms I am in, the machines, and myself. */
export class Sidebar {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #hub = h("p", { class: "hub-name" });
  readonly #status: Status;
  readonly #rooms: Keyed<string, RoomRow>;
  readonly #machinesLink: HTMLElement;
  readonly #machinesNote = h("span", { class: "note" });
  readonly #machines: Keyed<Machine, MachineRow>;
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
      h("span", { class: "nav-name" }, "All machines"),
      this.#machinesNote,
    );
    const machines = h("ul", { class: "nav-list" });
    this.#machines = new Keyed(
      machines,
      (machine) => machine.info.id,
      makeMachineRow,
      (row, machine) => this.#updateMachine(row, machine),
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
      h("div", { class: "nav-list" }, this.#machinesLink),
      machines,
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
    this.#showMachines();
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

  #showMachines(): void {
    const machines = this.#client.machines.sorted;
    const here = machines.filter((machine) => machine.info.state === "here").length;
    const note = here === machines.length ? String(here) : `${here} of ${machines.length}`;
    setText(this.#machinesNote, machines.length === 0 ? "" : note);
    const all = this.#route.view === "machines";
    setAttribute(this.#machinesLink, "aria-current", all ? "page" : null);
    this.#machines.show(machines.slice(0, MOST_MACHINES));
  }

  #updateMachine(row: MachineRow, machine: Machine): void {
    const { id, name, state } = machine.info;
    const current = this.#route.view === "machine" && this.#route.machine === id;
    setText(row.name, name);
    setText(row.spoken, state === "here" ? "" : ", away");
    setAttribute(row.element, "data-state", state);
    setAttribute(row.link, "aria-current", current ? "page" : null);
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

function makeMachineRow(machine: Machine): MachineRow {
  const name = h("span", { class: "nav-name" });
  const spoken = h("span", { class: "unseen" });
  const href = formatRoute({ view: "machine", machine: machine.info.id });
  const dot = h("span", { class: "nav-dot", "aria-hidden": "true" }, h("span", { class: "dot" }));
  const link = h("a", { class: "nav-link", href }, dot, name, spoken);
  return { element: h("li", {}, link), link, name, spoken };
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
