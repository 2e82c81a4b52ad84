import type { Client } from "../core/client.ts";
import { formatRoute, isReadableByOthers, parseRoute, type Route } from "../core/route.ts";
import { LOBBY } from "../core/talk.ts";
import type { Topic } from "../core/topics.ts";
import { h, setHidden } from "./dom.ts";
import { Drawers } from "./drawers.ts";
import { Door } from "./door.ts";
import { icon } from "./icons.ts";
import { MachineGrid } from "./machines/grid.ts";
import { MachineView } from "./machines/machine.ts";
import { Margin } from "./margin.ts";
import { RoomView } from "./room.ts";
import { Sidebar } from "./sidebar.ts";
import { OfflineBanner } from "./status.ts";
import { Toasts } from "./toasts.ts";
import type { View } from "./view.ts";

const ROOMS_EVERY_MS = 30_000;

/** The whole page: the door, or rooms and machines side by side. */
export class App {
  readonly #client: Client;
  readonly #main = h("main", { id: "main", tabindex: "-1" });
  readonly #frame: HTMLElement;
  readonly #drawers: Drawers;
  readonly #sidebar: Sidebar;
  readonly #margin: Margin;
  readonly #offline: OfflineBanner;
  readonly #toasts: Toasts;
  #door: Door | null = null;
  #route: Route;
  #view: View | null = null;
  #shownRoute = "";

  constructor(client: Client) {
    this.#client = client;
    this.#route = parseRoute(location.hash);
    const shut = h(
      "button",
      { class: "quiet drawer-close", type: "button", "aria-label": "Close" },
      icon("close"),
    );
    const shutMargin = shut.cloneNode(true) as HTMLButtonElement;
    this.#sidebar = new Sidebar(client, this.#route, shut);
    this.#margin = new Margin(client, shutMargin);
    this.#offline = new OfflineBanner(client);
    this.#toasts = new Toasts();
    const skip = h("a", { class: "skip", href: "#main" }, "Skip to the messages");
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      this.#main.focus();
    });
    const shade = h("div", { class: "shade" });
    this.#frame = h(
      "div",
      { class: "frame" },
      skip,
      this.#sidebar.element,
      h("div", { class: "middle" }, plainBanner(), this.#offline.element, this.#main),
      this.#margin.element,
      shade,
    );
    this.#drawers = new Drawers(this.#frame, this.#sidebar.element, this.#margin.element, shade);
    for (const button of [shut, shutMargin])
      button.addEventListener("click", () => this.#drawers.close());
    document.body.append(this.#frame, this.#toasts.element);
    this.#listen();
    this.#show(new Set(["link", "rooms", "log", "people", "machines"]));
  }

  #listen(): void {
    this.#client.topics.listen((changed) => this.#show(changed));
    addEventListener("hashchange", () => {
      this.#route = parseRoute(location.hash);
      this.#drawers.close();
      this.#show(new Set());
    });
    const looked = () => {
      if (document.visibilityState !== "visible") return;
      this.#client.check();
      this.#view?.looked?.();
    };
    document.addEventListener("visibilitychange", looked);
    addEventListener("focus", looked);
    addEventListener("online", () => this.#client.check());
    addEventListener("beforeunload", (event) => {
      if (this.#client.talk.isWaiting) event.preventDefault(); // the browser asks whether to go
    });
    this.#margin.wide.addEventListener("change", () => this.#lookAtMachines());
    setInterval(() => {
      if (document.visibilityState === "visible") void this.#client.talk.listRooms();
    }, ROOMS_EVERY_MS);
  }

  #show(changed: ReadonlySet<Topic>): void {
    const atDoor = this.#isAtDoor();
    setHidden(this.#frame, atDoor);
    if (atDoor) this.#showDoor();
    else {
      this.#door?.element.remove();
      this.#door = null;
      this.#showView(changed);
    }
    if (changed.has("notice") && this.#client.problem && this.#client.link === "online") {
      this.#toasts.say(this.#client.problem.message);
    }
    this.#showTitle();
  }

  #isAtDoor(): boolean {
    const { link, wasOnline, profile } = this.#client;
    if (["resting", "refused", "left", "replaced"].includes(link)) return true;
    // On the first visit one stays at the door until the hub lets one in.
    return !wasOnline && profile.session === "";
  }

  #showDoor(): void {
    if (this.#door) this.#door.update();
    else {
      this.#dropView();
      this.#door = new Door(this.#client);
      document.body.prepend(this.#door.element);
      this.#door.opened();
    }
  }

  #showView(changed: ReadonlySet<Topic>): void {
    const route = this.#settledRoute();
    const written = formatRoute(route);
    if (written !== this.#shownRoute) {
      this.#dropView();
      this.#shownRoute = written;
      this.#lookAtMachines();
      this.#view = this.#makeView(route);
      this.#main.replaceChildren(this.#view.element);
      this.#frame.dataset["view"] = route.view;
      this.#view.opened?.();
    } else this.#view?.update(changed);
    this.#sidebar.update(route);
    this.#margin.update(
      route.view === "room" ? (this.#client.talk.rooms.get(route.room) ?? null) : null,
    );
    this.#offline.update();
    this.#frame.dataset["link"] = this.#client.link;
  }

  /** A room that one is not in yet is entered by going there. */
  #settledRoute(): Route {
    const route = this.#route;
    if (route.view === "room" && !this.#client.talk.rooms.has(route.room)) {
      if (this.#shownRoute === formatRoute(route))
        return (this.#route = { view: "room", room: LOBBY });
      void this.#client.talk
        .join(route.room)
        .catch((error: Error) => this.#toasts.say(error.message));
    }
    return this.#route;
  }

  #makeView(route: Route): View {
    const menu = this.#drawers.button("sidebar", "menu", "Rooms and machines");
    if (route.view === "machines") return new MachineGrid(this.#client, { menu });
    if (route.view === "machine") return new MachineView(this.#client, route.machine, { menu });
    const room = this.#client.talk.rooms.get(route.room) ?? this.#client.talk.rooms.get(LOBBY);
    if (!room) throw new Error("the lobby is always there");
    const people = this.#drawers.button("margin", "people", "People");
    return new RoomView(this.#client, room, { menu, people });
  }

  #dropView(): void {
    this.#view?.dispose();
    this.#view = null;
    this.#shownRoute = "";
  }

  /** Samples are asked for while something shows them. */
  #lookAtMachines(): void {
    const { machines } = this.#client;
    if (this.#route.view === "machine") machines.look(this.#route.machine);
    else if (this.#route.view === "machines" || this.#margin.wide.matches) machines.look(null);
    else machines.stopLooking();
  }

  #showTitle(): void {
    let unread = 0;
    for (const room of this.#client.talk.rooms.values()) unread += room.unread;
    const where = this.#view?.title ?? "";
    const hub = this.#client.welcome?.hub ?? "Lanline";
    const title = [where, hub].filter(Boolean).join(" · ");
    document.title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) ${title}` : title;
  }
}

/** Over plain HTTP from another machine: what that means. */
function plainBanner(): HTMLElement | null {
  if (!isReadableByOthers(location)) return null;
  const banner = h(
    "div",
    { class: "banner plain", role: "note" },
    icon("unlocked"),
    h(
      "span",
      {},
      "This page is not encrypted: others on this network could read along.",
      h("span", { class: "more" }, " Lanline's own clients are, and so is HTTPS."),
    ),
    h(
      "button",
      { class: "link", type: "button", on: { click: () => banner.remove() } },
      "Understood",
    ),
  );
  return banner;
}
