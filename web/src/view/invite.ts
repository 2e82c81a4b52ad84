import type { Client } from "../core/client.ts";
import { duration } from "../core/format.ts";
import { Refused } from "../core/requests.ts";
import type { InviteMade, JoinCode } from "../wire.ts";
import { h, setHidden, setText } from "./dom.ts";
import { icon } from "./icons.ts";

/** How somebody else comes in: the join code to say aloud and, for admins, a link to send. */
export class InviteDialog {
  readonly element: HTMLDialogElement;
  readonly button: HTMLButtonElement;
  readonly #client: Client;
  readonly #code = h("output", { class: "join-code", "aria-label": "Join code" });
  readonly #validity = h("p", { class: "hint" });
  readonly #codePart: HTMLElement;
  readonly #problem = h("p", { class: "hint", role: "status", hidden: true });
  readonly #linkPart: HTMLElement;
  readonly #links = h("div", { class: "invite-links" });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client) {
    this.#client = client;
    this.#codePart = h(
      "div",
      {},
      h(
        "p",
        {},
        "In Lanline's window or terminal, type this hub's host and port; this code opens the door:",
      ),
      this.#code,
      this.#validity,
    );
    const make = { click: () => void this.#makeLink() };
    this.#linkPart = h(
      "div",
      { hidden: true },
      h("h3", {}, "By a link"),
      this.#links,
      h("button", { class: "button", type: "button", on: make }, "Make a link"),
    );
    const close = { click: () => this.element.close() };
    this.element = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "invite-title" },
      h(
        "header",
        {},
        h("h2", { id: "invite-title" }, "Invite somebody"),
        h(
          "button",
          { class: "quiet", type: "button", "aria-label": "Close", on: close },
          icon("close"),
        ),
      ),
      this.#problem,
      this.#codePart,
      this.#linkPart,
    );
    this.element.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#links.replaceChildren();
    });
    const label = "Invite somebody";
    this.button = h(
      "button",
      {
        class: "quiet",
        type: "button",
        "aria-label": label,
        title: label,
        on: { click: () => this.#open() },
      },
      icon("add"),
    );
  }

  #open(): void {
    setHidden(this.#linkPart, this.#client.talk.me?.role !== "admin");
    this.element.showModal();
    void this.#showCode();
  }

  async #showCode(): Promise<void> {
    const code = (await this.#ask({ type: "show_code" })) as JoinCode | null;
    setHidden(this.#codePart, code === null);
    if (!code) return;
    const left = Math.max(1, code.expires - this.#client.now());
    setText(this.#code, code.code);
    setText(this.#validity, `Good for ${duration(left)}, and for one device at a time.`);
    clearTimeout(this.#timer);
    const soon = Math.min(left, REFRESH_SECONDS) * 1000;
    this.#timer = setTimeout(() => void (this.element.open && this.#showCode()), soon);
  }

  async #makeLink(): Promise<void> {
    const made = (await this.#ask({ type: "invite_make" })) as InviteMade | null;
    if (!made) return;
    this.#links.replaceChildren(
      linkField("For a browser", made.browser_link),
      linkField("For Lanline's own clients", made.link),
      h(
        "p",
        { class: "hint" },
        `Good for ${duration(made.invite.expires - this.#client.now())}. It is shown this once.`,
      ),
    );
  }

  async #ask(command: Parameters<Client["ask"]>[0]): Promise<unknown> {
    setHidden(this.#problem, true);
    try {
      return await this.#client.ask(command);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(this.#problem, error.problem.message);
      setHidden(this.#problem, false);
      return null;
    }
  }
}

const REFRESH_SECONDS = 30; // wrong tries change the code before its time
function linkField(label: string, link: string): HTMLElement {
  const field = h("input", { type: "text", readonly: true, "aria-label": label });
  field.value = link;
  const copy = h("button", { class: "button", type: "button" }, "Copy");
  copy.addEventListener("click", () => {
    field.select();
    // `navigator.clipboard` is not there over plain HTTP; this is, everywhere.
    if (document.execCommand("copy")) setText(copy, "Copied");
  });
  return h("div", {}, h("p", { class: "hint" }, label), h("div", { class: "field" }, field, copy));
}
