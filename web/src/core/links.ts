/** A run of text, or a link in it. */
export interface Piece {
  text: string;
  href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`\u0000-\u0020]+/giu;
const TRAILING = /[.,:;!?…]+$/u;
const BRACKETS = [
  ["(", ")"],
  ["[", "]"],
] as const;
const LONGEST = 2_000;

/** Cut text into plain runs and http(s) links; joined, the pieces are the text again. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = withoutTail(match[0]);
    const href = addressOf(shown);
    if (!href) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** Punctuation after an address belongs to the sentence, and so does a bracket opened before it. */
function withoutTail(address: string): string {
  let kept = address.replace(TRAILING, "");
  for (const [open, close] of BRACKETS) {
    while (kept.endsWith(close) && occurrences(kept, close) > occurrences(kept, open)) {
      kept = kept.slice(0, -1).replace(TRAILING, "");
    }
  }
  return kept;
}

function occurrences(text: string, character: string): number {
  return text.split(character).length - 1;
}

/** The address as the browser will go to it, or null where it is none. */
function addressOf(text: string): string | null {
  if (text.length > LONGEST || !URL.canParse(text)) return null;
  const url = new URL(text);
  // "https://bank.example@evil.example" reads as what it is not.
  if (url.username || url.password || !url.hostname) return null;
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
}
