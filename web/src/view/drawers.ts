import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";

type Side = "sidebar" | "margin";

/** On narrow screens the sides slide in over the middle, one at a time. */
export class Drawers {
  readonly #frame: HTMLElement;
  readonly #sides: Record<Side, HTMLElement>;
  readonly #narrow: Record<Side, MediaQueryList> = {
    sidebar: matchMedia("(max-width: 799px)"),
    margin: matchMedia("(max-width: 1199px)"),
  };
  #open: Side | null = null;
  #opener: HTMLElement | null = null;

  constructor(frame: HTMLElement, sidebar: HTMLElement, margin: HTMLElement, shade: HTMLElement) {
    this.#frame = frame;
    this.#sides = { sidebar, margin };
    shade.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#open) this.close();
    });
    for (const query of Object.values(this.#narrow))
      query.addEventListener("change", () => this.close());
    this.#apply();
  }

  /** A button that opens one side; not seen where that side is always there. */
  button(side: Side, name: IconName, label: string): HTMLButtonElement {
    const open = (event: MouseEvent) => {
      this.#opener = event.currentTarget as HTMLElement;
      this.#show(side);
    };
    const attributes = { type: "button", "aria-label": label, title: label, "aria-controls": side };
    return h(
      "button",
      { class: `quiet open-${side}`, ...attributes, on: { click: open } },
      icon(name),
    );
  }

  close(): void {
    const opener = this.#opener;
    this.#open = null;
    this.#opener = null;
    this.#apply();
    if (opener?.isConnected) opener.focus();
  }

  #show(side: Side): void {
    this.#open = side;
    this.#apply();
    this.#sides[side].querySelector<HTMLElement>(".drawer-close")?.focus();
  }

  #apply(): void {
    this.#frame.dataset["drawer"] = this.#open ?? "";
    for (const side of ["sidebar", "margin"] as const) {
      // What is out of sight is out of reach of the keyboard too.
      this.#sides[side].inert = this.#narrow[side].matches && this.#open !== side;
    }
    const middle = this.#frame.querySelector<HTMLElement>(".middle");
    if (middle) middle.inert = this.#open !== null;
  }
}
