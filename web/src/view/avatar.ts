import { hue, initials } from "../core/format.ts";
import { h } from "./dom.ts";

/** A name's picture: its first letters on a colour of its own. */
export function avatar(name: string): HTMLElement {
  const picture = h("span", { class: "avatar", "aria-hidden": "true" }, initials(name));
  paint(picture, name);
  return picture;
}

/** Give an element the colour of a name, for its stylesheet to use. */
export function paint(element: HTMLElement, name: string): void {
  element.style.setProperty("--hue", String(hue(name)));
}
