import type { Client } from "../core/client.ts";
import { duration } from "../core/format.ts";
import type { Room } from "../core/room.ts";
import type { Member } from "../wire.ts";
import { avatar } from "./avatar.ts";
import { h, Keyed, setAttribute, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { InviteDialog } from "./invite.ts";

interface Row {
  element: HTMLElement;
  note: HTMLElement;
}

/** Who is in the room. */
export class People {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #heading = h("h2", {}, "People");
  readonly #list = h("ul", { class: "people" });
  readonly #more = h("p", { class: "hint", hidden: true });
  readonly #rows: Keyed<Member, Row>;

  constructor(client: Client) {
    this.#client = client;
    const invite = new InviteDialog(client);
    this.element = h(
      "section",
      { class: "panel" },
      h("div", { class: "panel-head" }, this.#heading, invite.button),
      this.#list,
      this.#more,
      invite.element,
    );
    this.#rows = new Keyed(
      this.#list,
      (member) => `${member.id} ${member.name}`,
      makeRow,
      (row, member) => this.#updateRow(row, member),
    );
  }

  update(room: Room | null): void {
    const members = [...(room?.members.values() ?? [])];
    const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });
    const rank = (member: Member) => (member.role === "agent" ? 1 : 0);
    members.sort((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name));
    this.#rows.show(members);
    const count = room?.memberCount ?? 0;
    setText(this.#heading, count > 0 ? `People · ${count}` : "People");
    setHidden(this.#more, count <= members.length);
    setText(this.#more, `and ${count - members.length} more`);
    this.element.classList.toggle("faded", room?.joined === false);
  }

  #updateRow(row: Row, member: Member): void {
    const me = member.id === this.#client.talk.me?.id;
    const role = member.role ?? "member";
    setText(row.note, me ? "you" : role === "member" ? "" : role === "agent" ? "machine" : role);
    const here = duration(Date.now() / 1000 - (member.since ?? 0));
    setAttribute(row.element, "title", member.since ? `here for ${here}` : null);
  }
}

function makeRow(member: Member): Row {
  const picture =
    member.role === "agent"
      ? h("span", { class: "avatar machine" }, icon("machine"))
      : avatar(member.name);
  const note = h("span", { class: "note" });
  const name = h("span", { class: "person", dir: "auto" }, member.name);
  return { element: h("li", { class: "row" }, picture, name, note), note };
}
