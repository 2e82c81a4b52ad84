/** Line drawings on a grid of 24, in the colour of the text beside them. */
const DRAWINGS = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  chat: "M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  leave: "M14 4H6v16h8M11 12h10M17 8l4 4-4 4",
  machine: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  moon: "M20 14A8 8 0 1 1 10 4a6.5 6.5 0 0 0 10 10z",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6.5 6.5 0 0 1 3.5 6",
  retry: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  send: "M12 20V5M5.5 11L12 4.5 18.5 11",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  unlocked: "M6 11h12v9H6zM9 11V7a3.5 3.5 0 0 1 6.6-1.6",
} as const;

export type IconName = keyof typeof DRAWINGS;

const SVG = "http://www.w3.org/2000/svg";

/** Decoration only: what it stands for is said by the label of what it stands in. */
export function icon(name: IconName): SVGSVGElement {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name]);
  drawing.append(path);
  return drawing;
}
