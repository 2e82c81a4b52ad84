import type { Client } from "../../core/client.ts";
import type { Machine } from "../../core/machines.ts";
import type { Topic } from "../../core/topics.ts";
import { h, Keyed, setHidden, setText } from "../dom.ts";
import type { View } from "../view.ts";
import { MachineCard } from "./card.ts";

/** All machines at a glance. */
export class MachineGrid implements View {
  readonly title = "Machines";
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #about = h("p", { class: "about" });
  readonly #none = h(
    "p",
    { class: "empty", hidden: true },
    "No machine reports to this hub yet. On a machine that has Lanline, ",
    h("code", {}, "lanline agent"),
    " with this hub's address makes it appear here.",
  );
  readonly #cards: Keyed<Machine, MachineCard>;

  constructor(client: Client, buttons: { menu: HTMLElement }) {
    this.#client = client;
    const list = h("ul", { class: "cards" });
    this.#cards = new Keyed(
      list,
      (machine) => machine.info.id,
      () => new MachineCard(),
      (card, machine) => card.update(machine, client.now()),
    );
    this.element = h(
      "section",
      { class: "machines", "aria-label": "Machines" },
      h(
        "header",
        { class: "bar" },
        buttons.menu,
        h("div", { class: "bar-title" }, h("h1", {}, "Machines"), this.#about),
      ),
      h(
        "div",
        { class: "page-scroll", tabindex: "0", role: "region", "aria-label": "All machines" },
        this.#none,
        list,
      ),
    );
    this.#show();
  }

  update(changed: ReadonlySet<Topic>): void {
    if (changed.has("machines")) this.#show();
  }

  dispose(): void {}

  #show(): void {
    const machines = this.#client.machines.sorted;
    this.#cards.show(machines);
    const here = machines.filter((machine) => machine.info.state === "here").length;
    const away = machines.length - here;
    setText(
      this.#about,
      machines.length === 0 ? "" : away > 0 ? `${here} here, ${away} away` : `${here} here`,
    );
    setHidden(this.#none, machines.length > 0 || this.#client.link !== "online");
  }
}
