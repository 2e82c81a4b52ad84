/** Making and keeping elements. Text is always text: nothing here reads markup. */

type Child = Node | string | null | false;

interface Properties {
  on?: Record<string, (event: never) => void>;
  [attribute: string]: unknown;
}

/** An element with attributes (true: set empty; false, null: left out), listeners and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") listen(element, value as Record<string, EventListener>);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

function listen(element: HTMLElement, listeners: Record<string, EventListener>): void {
  for (const [type, listener] of Object.entries(listeners)) {
    element.addEventListener(type, listener);
  }
}

/** Set text only where it differs, so that selections and screen readers are left in peace. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Children of `parent`, one for each item, kept from one update to the next by key. */
export class Keyed<Item, View extends { element: Element }> {
  readonly #parent: Element;
  readonly #key: (item: Item) => string;
  readonly #make: (item: Item) => View;
  readonly #update: (view: View, item: Item) => void;
  readonly #views = new Map<string, View>();

  constructor(
    parent: Element,
    key: (item: Item) => string,
    make: (item: Item) => View,
    update: (view: View, item: Item) => void = () => {},
  ) {
    this.#parent = parent;
    this.#key = key;
    this.#make = make;
    this.#update = update;
  }

  show(items: readonly Item[]): void {
    const wanted = new Set(items.map(this.#key));
    for (const [key, view] of this.#views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
    // With the leftovers gone, what stays in its order is never moved.
    let place: Element | null = this.#parent.firstElementChild;
    for (const item of items) {
      const key = this.#key(item);
      const view = this.#views.get(key) ?? this.#make(item);
      this.#views.set(key, view);
      this.#update(view, item);
      if (place === view.element) place = place.nextElementSibling;
      else this.#parent.insertBefore(view.element, place);
    }
  }
}
