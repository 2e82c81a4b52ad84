import { h, Keyed, setHidden, setText } from "../dom.ts";

interface Row {
  element: HTMLElement;
  cells: HTMLElement[];
}

/**
 * A plain table under a heading; not there while it has no rows. The first cell names its row; the
 * first `words` columns hold words, the others figures.
 */
export class Table {
  readonly element: HTMLElement;
  readonly #more = h("p", { class: "hint" });
  readonly #rows: Keyed<string[], Row>;

  constructor(title: string, head: readonly string[], words: number) {
    const body = h("tbody");
    const headers = head.map((text, index) =>
      h("th", { scope: "col", class: index >= words && "numeric" }, text),
    );
    this.element = h(
      "section",
      { class: "table-section" },
      h("h2", {}, title),
      h(
        "div",
        { class: "table-scroll", tabindex: "0", role: "region", "aria-label": title },
        h("table", {}, h("thead", {}, h("tr", {}, ...headers)), body),
      ),
      this.#more,
    );
    this.#rows = new Keyed(
      body,
      (cells) => cells[0] ?? "",
      (cells) => makeRow(cells.length, words),
      (row, cells) => {
        for (const [index, text] of cells.entries()) setText(row.cells[index] as HTMLElement, text);
      },
    );
  }

  /** `leftOut`: how many more there are that the sample has no room for. */
  show(rows: string[][], leftOut = 0): void {
    setText(this.#more, leftOut > 0 ? `and ${leftOut} more` : "");
    setHidden(this.element, rows.length === 0);
    this.#rows.show(rows);
  }
}

function makeRow(width: number, words: number): Row {
  const cells = Array.from({ length: width }, (_, index) =>
    index === 0 ? h("th", { scope: "row" }) : h("td", { class: index >= words && "numeric" }),
  );
  return { element: h("tr", {}, ...cells), cells };
}
