/** Where the page is, as its address says after the #. */
export type Route =
  { view: "room"; room: string } | { view: "machines" } | { view: "machine"; machine: string };

export const HOME: Route = { view: "room", room: "#lobby" };

export function parseRoute(hash: string): Route {
  const [view, ...rest] = hash.replace(/^#\/?/u, "").split("/");
  const name = decode(rest.join("/"));
  if (view === "room" && name) return { view: "room", room: `#${name}` };
  if (view === "machines") return name ? { view: "machine", machine: name } : { view: "machines" };
  return HOME;
}

export function formatRoute(route: Route): string {
  if (route.view === "room") return `#/room/${encodeURIComponent(route.room.replace(/^#/u, ""))}`;
  if (route.view === "machine") return `#/machines/${encodeURIComponent(route.machine)}`;
  return "#/machines";
}

/** The token of an invite link's fragment, or "". */
export function inviteOf(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/u, "")).get("invite") ?? "";
}

/** Whether others on the network could read along: no encryption, and not this machine itself. */
export function isReadableByOthers(location: { protocol: string; hostname: string }): boolean {
  const { protocol, hostname } = location;
  const own = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/u.test(hostname);
  return protocol === "http:" && !own;
}

/** A room's name as people type it: the # may be left out, case does not matter. */
export function roomName(typed: string): string {
  const bare = typed.trim().replace(/^#+/u, "").replaceAll(/\s+/gu, "-");
  return bare ? `#${bare.normalize("NFKC").toLowerCase()}` : "";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
