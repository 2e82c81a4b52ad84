/**
 * The life of the connection to the hub, as a table.
 *
 *            start          opened          welcomed
 *   resting ------> connecting ---> greeting -------> online
 *                    ^    | closed     | closed         | closed
 *              retry |    v            v                v
 *                   waiting <---------------------------+
 *
 * From greeting a person may be needed (`refused`: a taken name, a missing invite). From online
 * one leaves (`left`), or the same member comes in elsewhere (`replaced`): the hub lets one
 * connection stand for one member, and two tabs that both came back by themselves would throw
 * each other out for ever. All three wait for `start`.
 */

export type LinkState =
  "resting" | "connecting" | "greeting" | "online" | "waiting" | "left" | "replaced" | "refused";

export type LinkEvent =
  "start" | "opened" | "welcomed" | "refused" | "replaced" | "closed" | "retry" | "quit";

export type LinkAction = "open" | "greet" | "wait" | "close" | "none";

type Row = Partial<Record<LinkEvent, readonly [LinkState, LinkAction]>>;

const TABLE: Record<LinkState, Row> = {
  resting: { start: ["connecting", "open"] },
  connecting: {
    opened: ["greeting", "greet"],
    closed: ["waiting", "wait"],
    quit: ["left", "close"],
  },
  greeting: {
    welcomed: ["online", "none"],
    refused: ["refused", "close"],
    closed: ["waiting", "wait"],
    quit: ["left", "close"],
  },
  online: {
    replaced: ["replaced", "close"],
    closed: ["waiting", "wait"],
    quit: ["left", "none"], // the hub closes after its goodbye
  },
  waiting: { retry: ["connecting", "open"], start: ["connecting", "open"], quit: ["left", "none"] },
  left: { start: ["connecting", "open"] },
  replaced: { start: ["connecting", "open"] },
  refused: { start: ["connecting", "open"] },
};

/** Where an event leads and what it asks for; one that means nothing in this state changes nothing. */
export function step(state: LinkState, event: LinkEvent): readonly [LinkState, LinkAction] {
  return TABLE[state][event] ?? [state, "none"];
}

const FIRST_WAIT_SECONDS = 0.5;
const LONGEST_WAIT_SECONDS = 15;

/**
 * How long to wait before try number `attempt` (from 0): doubling, and spread by `random` (0 to 1)
 * so that a hub that comes back is not met by everybody in the same instant.
 */
export function waitSeconds(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** Math.min(attempt, 16));
  return longest * (0.5 + random / 2);
}
