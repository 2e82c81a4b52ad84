import type { Since } from "../wire.ts";

/** What this browser remembers between visits. */
export interface Profile {
  name: string;
  session: string; // makes this browser the same member again
  members: string[]; // the ids I had so far
  rooms: string[]; // entered beside the lobby
  read: Record<string, Since>; // by room
}

const KEY = "lanline";

export type Store = Pick<Storage, "getItem" | "setItem">;

/** What is stored, or an empty profile when it cannot be read: anybody may have written there. */
export function loadProfile(store: Store): Profile {
  let found: unknown;
  try {
    found = JSON.parse(store.getItem(KEY) ?? "{}");
  } catch {
    found = {};
  }
  const { name, session, members, rooms, read } = (found ?? {}) as Record<string, unknown>;
  return {
    name: typeof name === "string" ? name : "",
    session: typeof session === "string" ? session : "",
    members: strings(members),
    rooms: strings(rooms),
    read: typeof read === "object" && read !== null ? readPlaces(read) : {},
  };
}

/** A browser that refuses to store (private windows, full disks) forgets, and works. */
export function saveProfile(store: Store, profile: Profile): void {
  try {
    store.setItem(KEY, JSON.stringify(profile));
  } catch {
    return;
  }
}

function strings(found: unknown): string[] {
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

function readPlaces(found: object): Record<string, Since> {
  const places: Record<string, Since> = {};
  for (const [room, place] of Object.entries(found)) {
    const { epoch, offset } = (place ?? {}) as Record<string, unknown>;
    if (typeof epoch === "string" && typeof offset === "number") places[room] = { epoch, offset };
  }
  return places;
}
