import type { Client } from "../core/client.ts";
import { h, setAttribute, setHidden, setText } from "./dom.ts";

/** How the connection is, in a word or two, and what can be done about it. */
export class Status {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #text = h("span", { role: "status" });
  readonly #retry: HTMLButtonElement;

  constructor(client: Client) {
    this.#client = client;
    this.#retry = h(
      "button",
      { class: "link", type: "button", hidden: true, on: { click: () => client.retryNow() } },
      "Try now",
    );
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.element = h("p", { class: "status" }, dot, this.#text, this.#retry);
  }

  update(): void {
    const state = this.#client.link;
    setAttribute(this.element, "data-state", state);
    setHidden(this.#retry, state !== "waiting");
    setText(this.#text, this.#words());
  }

  #words(): string {
    switch (this.#client.link) {
      case "online":
        return "Connected";
      case "connecting":
      case "greeting":
        return this.#client.wasOnline ? "Reconnecting …" : "Connecting …";
      case "waiting":
        return "No connection";
      default:
        return "Not connected";
    }
  }
}

/** Above the messages while there is no connection: what that means, and when it is tried again. */
export class OfflineBanner {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #text = h("span");
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client) {
    this.#client = client;
    const retry = { click: () => client.retryNow() };
    this.element = h(
      "div",
      { class: "banner offline", hidden: true },
      this.#text,
      h("button", { class: "link", type: "button", on: retry }, "Try now"),
    );
  }

  update(): void {
    const away = ["waiting", "connecting", "greeting"].includes(this.#client.link);
    if (!away) this.#since = 0;
    else if (this.#since === 0) this.#since = Date.now();
    clearTimeout(this.#timer);
    // A blink of the network is not worth a banner.
    const quick = Date.now() - this.#since < QUIET_MS;
    setHidden(this.element, !away || quick);
    if (!away) return;
    this.#timer = setTimeout(() => this.update(), 500);
    const left = Math.ceil(this.#client.retryAt - this.#client.now());
    const when =
      this.#client.link === "waiting" && left > 0 ? `trying again in ${left} s` : "trying";
    const reason =
      this.#client.problem?.code === "stopping"
        ? "The hub has stopped"
        : "The hub cannot be reached";
    setText(this.#text, `${reason}; ${when}. What you write is sent as soon as it answers.`);
  }
}

const QUIET_MS = 800;
