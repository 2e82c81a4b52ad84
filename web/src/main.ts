import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/door.css";
import "./style/room.css";
import "./style/machines.css";
import "./style/machine.css";
import { Client } from "./core/client.ts";
import { loadProfile, saveProfile, type Store } from "./core/profile.ts";
import { inviteOf } from "./core/route.ts";
import { Topics } from "./core/topics.ts";
import { Socket } from "./net/socket.ts";
import { App } from "./view/app.ts";
import { applyTheme } from "./view/theme.ts";

const LATEST_FLUSH_MS = 250;

/** Before the next frame; a hidden window gets no frames, but its title still counts the unread. */
function schedule(flush: () => void): void {
  const once = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    flush();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, LATEST_FLUSH_MS);
}

/** A browser that forbids storage gets one that forgets. */
function storage(): Store {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}

/** The invite leaves the address bar at once: it shall not be copied along with the address. */
function takeInvite(): string {
  const invite = inviteOf(location.hash);
  if (invite) history.replaceState(null, "", location.pathname);
  return invite;
}

const store = storage();
const invite = takeInvite();
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
const socket = new Socket(url, {
  opened: () => client.happened("opened"),
  received: (frame) => client.receivedUntrusted(frame),
  closed: () => client.happened("closed"),
});
const client = new Client(
  {
    open: () => socket.open(),
    close: () => socket.close(),
    transmit: (frame) => socket.transmit(frame),
    timer: (seconds, run) => {
      const timer = setTimeout(run, seconds * 1000);
      return () => clearTimeout(timer);
    },
    now: () => Date.now() / 1000,
    random: Math.random,
    newKey,
    remember: (profile) => saveProfile(store, profile),
    topics: new Topics(schedule),
  },
  loadProfile(store),
  invite,
);

/** 128 random bits; `crypto.randomUUID` is not there over plain HTTP. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

applyTheme();
new App(client);
if (client.profile.session) client.start(client.profile.name);
addEventListener("hashchange", () => {
  const later = takeInvite();
  if (!later) return;
  client.invite = later;
  if (client.link === "refused" && client.profile.name) client.start(client.profile.name);
});
