import type { Client } from "../core/client.ts";
import type { Machine } from "../core/machines.ts";
import type { Room } from "../core/room.ts";
import { h, Keyed, setHidden } from "./dom.ts";
import { MachineCard } from "./machines/card.ts";
import { People } from "./people.ts";

const MOST_CARDS = 12;

/** Beside a room: who is in it, and the machines in brief. */
export class Margin {
  readonly element: HTMLElement;
  readonly wide = matchMedia("(min-width: 1200px)");
  readonly #client: Client;
  readonly #people: People;
  readonly #machines: HTMLElement;
  readonly #cards: Keyed<Machine, MachineCard>;

  constructor(client: Client, close: HTMLElement) {
    this.#client = client;
    this.#people = new People(client);
    const list = h("ul", { class: "brief-cards" });
    this.#cards = new Keyed(
      list,
      (machine) => machine.info.id,
      () => new MachineCard(true),
      (card, machine) => card.update(machine, client.now()),
    );
    this.#machines = h("section", { class: "panel" }, h("h2", {}, "Machines"), list);
    this.element = h(
      "aside",
      { id: "margin", class: "margin", "aria-label": "People and machines" },
      close,
      this.#people.element,
      this.#machines,
    );
  }

  /** `room`: null when the middle shows something else than a room. */
  update(room: Room | null): void {
    setHidden(this.element, room === null);
    if (room === null) return;
    this.#people.update(room);
    const machines = this.wide.matches ? this.#client.machines.sorted.slice(0, MOST_CARDS) : [];
    this.#cards.show(machines);
    setHidden(this.#machines, machines.length === 0);
  }
}
