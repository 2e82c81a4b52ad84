import { h, setAttribute } from "./dom.ts";
import { icon, type IconName } from "./icons.ts";

type Theme = "system" | "light" | "dark";

const KEY = "lanline.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, IconName> = { system: "system", light: "sun", dark: "moon" };

/** As the system has it, unless the person has chosen. */
export function applyTheme(): void {
  const theme = storedTheme();
  setAttribute(document.documentElement, "data-theme", theme === "system" ? null : theme);
  document.dispatchEvent(new Event("themechange"));
}

/** A button that goes round: system, light, dark. */
export function themeSwitch(): HTMLButtonElement {
  const button = h("button", { class: "quiet", type: "button" });
  const show = () => {
    const theme = storedTheme();
    button.replaceChildren(icon(ICONS[theme]));
    const label = `Colours: ${theme === "system" ? "as the system" : theme}`;
    setAttribute(button, "aria-label", label);
    setAttribute(button, "title", label);
  };
  button.addEventListener("click", () => {
    storeTheme(NEXT[storedTheme()]);
    applyTheme();
    show();
  });
  show();
  return button;
}

function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    return; // it lasts as long as the page, then
  }
}
