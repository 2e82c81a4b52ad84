import { h } from "./dom.ts";

const SHOWN_MS = 8_000;
const MOST = 3;

/** Short words in a corner that go by themselves. */
export class Toasts {
  readonly element = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

  say(text: string): void {
    const toast = h("p", { class: "toast" }, text);
    this.element.append(toast);
    while (this.element.childElementCount > MOST) this.element.firstElementChild?.remove();
    setTimeout(() => toast.remove(), SHOWN_MS);
  }
}
