import type { Client } from "../core/client.ts";
import { h, setHidden, setText } from "./dom.ts";
import { themeSwitch } from "./theme.ts";

const NEEDS_INVITE = new Set(["no-invite", "bad-invite"]);

/** At the door: one says a name, and perhaps shows an invite; or comes back after having left. */
export class Door {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #lead = h("p", { class: "lead" });
  readonly #name: HTMLInputElement;
  readonly #invite: HTMLInputElement;
  readonly #inviteField: HTMLElement;
  readonly #problem = h("p", {
    id: "entry-refusal",
    class: "problem",
    role: "alert",
    hidden: true,
  });
  readonly #suggest: HTMLButtonElement;
  readonly #enter = h("button", { class: "button primary wide", type: "submit" });

  constructor(client: Client) {
    this.#client = client;
    this.#name = h("input", {
      id: "name",
      type: "text",
      required: true,
      maxlength: "32",
      autocomplete: "nickname",
      autocapitalize: "words",
      spellcheck: "false",
      placeholder: "Ada",
      "aria-describedby": "entry-refusal",
    });
    this.#name.value = client.profile.name;
    this.#invite = h("input", {
      id: "invite",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "http://…/#invite=…",
    });
    this.#inviteField = h(
      "div",
      { hidden: true },
      h("label", { for: "invite" }, "Invite, the link or its last part"),
      this.#invite,
    );
    const useSuggestion = { click: () => this.#start(this.#suggest.value) };
    this.#suggest = h("button", {
      class: "button",
      type: "button",
      hidden: true,
      on: useSuggestion,
    });
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      this.#start(this.#name.value);
    };
    this.element = h(
      "main",
      { class: "door" },
      h(
        "form",
        { class: "door-card", on: { submit } },
        h("img", { class: "logo", src: "/icon.svg", alt: "", width: "56", height: "56" }),
        h("h1", {}, "Lanline"),
        this.#lead,
        h("label", { for: "name" }, "Your name"),
        this.#name,
        this.#inviteField,
        this.#problem,
        this.#suggest,
        this.#enter,
      ),
      h("div", { class: "door-foot" }, themeSwitch()),
    );
    this.update();
  }

  opened(): void {
    this.#name.focus();
    this.#name.select();
  }

  update(): void {
    const { link, problem } = this.#client;
    const refused = link === "refused" ? problem : null;
    setText(this.#lead, this.#words());
    setText(this.#problem, refused?.message ?? "");
    setHidden(this.#problem, !refused);
    setHidden(this.#inviteField, !(refused && NEEDS_INVITE.has(refused.code)));
    const suggestion = refused?.suggestion ?? "";
    setHidden(this.#suggest, suggestion === "");
    setText(this.#suggest, `Come in as ${suggestion}`);
    this.#suggest.value = suggestion;
    const busy = ["connecting", "greeting", "waiting"].includes(link);
    this.#enter.disabled = busy;
    setText(this.#enter, this.#verb(busy));
  }

  #words(): string {
    switch (this.#client.link) {
      case "left":
        return "You have left. The room goes on; come back whenever you like.";
      case "replaced":
        return "You came in by another tab or window, and this one made way for it.";
      case "waiting":
        return `The hub at ${location.host} does not answer; trying again …`;
      default:
        return `You are at the door of ${location.host}. What shall the others call you?`;
    }
  }

  #verb(busy: boolean): string {
    if (busy) return "Coming in …";
    if (this.#client.link === "replaced") return "Use it here";
    return this.#client.link === "left" ? "Come back" : "Come in";
  }

  #start(typed: string): void {
    const name = typed.trim();
    if (!name) return;
    this.#name.value = name;
    const invite = this.#invite.value.trim();
    if (invite) this.#client.invite = invite.split("invite=").at(-1)?.split("&")[0] ?? "";
    this.#client.start(name);
  }
}
