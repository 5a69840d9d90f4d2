/** The views of the page as a table: their place in the address, their title, and their module. */
import { openAbout } from "./views/about.js";
import { openCalls } from "./views/calls.js";
import { openChanges } from "./views/changes.js";
import { openConnect } from "./views/connect.js";
import { openInstances } from "./views/instances.js";
import { openLog } from "./views/log.js";
import { openProfiles } from "./views/profiles.js";
import { openServer } from "./views/server.js";
import { openServers } from "./views/servers.js";
import { openSessions } from "./views/sessions.js";

/** @import { Page, View } from "./page.js" */
/** @import { Route } from "./router.js" */
/** @import { PageData } from "./state.js" */

/**
 * @typedef {object} ViewRow
 * @property {string} name the first part of the address
 * @property {string} title
 * @property {(page: Page, route: Route) => View} open
 * @property {(data: PageData) => boolean} [isMissing] whether this gateway does not have it
 * @property {(data: PageData) => { readonly count: number, readonly words: string } | undefined} [badge]
 *   what needs a person's attention in it
 */

/** @type {readonly ViewRow[]} */
export const views = [
  {
    name: "servers",
    title: "Servers",
    open: openServers,
    badge: ({ servers }) => {
      const count = servers?.filter(({ state }) => needy.has(state)).length ?? 0;
      return count === 0 ? undefined : { count, words: "need attention" };
    },
  },
  { name: "calls", title: "Calls", open: openCalls, isMissing: ({ calls }) => calls === null },
  { name: "log", title: "Log", open: openLog, isMissing: ({ log }) => log === null },
  {
    name: "sessions",
    title: "Sessions",
    open: openSessions,
    isMissing: ({ sessions }) => sessions === null,
  },
  {
    name: "changes",
    title: "Changes",
    open: openChanges,
    isMissing: ({ changes }) => changes === null,
    badge: ({ changes }) => {
      const count = changes?.length ?? 0;
      return count === 0 ? undefined : { count, words: "wait for approval" };
    },
  },
  {
    name: "profiles",
    title: "Profiles",
    open: openProfiles,
    isMissing: ({ profiles }) => profiles === null,
  },
  {
    name: "instances",
    title: "Instances",
    open: openInstances,
    isMissing: ({ status }) =>
      status?.instances === undefined && status?.instancesProblem === undefined,
  },
  { name: "connect", title: "Connect", open: openConnect },
  { name: "about", title: "About", open: openAbout },
];

const needy = new Set(["failing", "crash_loop", "failed", "needs_login"]);

/**
 * The view of a route; that of the servers where the route names none.
 * @param {Route} route
 * @returns {{ readonly key: string, readonly route: Route, readonly open: ViewRow["open"] }}
 */
export function viewOf(route) {
  const [name = "servers", server] = route.parts;
  if (name === "servers" && server !== undefined) {
    return { key: `servers/${server}`, route, open: openServer };
  }
  const row = views.find((one) => one.name === name);
  return row === undefined
    ? { key: "servers", route: { parts: ["servers"], params: {} }, open: openServers }
    : {
      key: row.name,
      route: { ...route, parts: [row.name, ...route.parts.slice(1)] },
      open: row.open,
    };
}
