/**
 * Keeps the data of the page true: fetches everything each time the stream of events is opened, and
 * applies the events. What the stream brings while a list is fetched is merged into that list, so
 * that nothing is lost or shown twice. A part that this gateway does not have becomes null.
 */
import { ApiError } from "./api.js";
import { mergedCalls, mergedLog, withEvent } from "./state.js";

/** @import { Api } from "./api.js" */
/** @import { PageData } from "./state.js" */

/** @typedef {"status" | "sessions" | "calls" | "log" | "changes" | "profiles"} Topic */

/**
 * @typedef {object} Live
 * @property {PageData} data the latest
 * @property {(topic: Topic) => Promise<void>} load fetches a part; does not reject
 * @property {() => void} stop
 */

/** Where each part is, and how its answer becomes data. */
/** @type {Readonly<Record<Topic, readonly [path: string, toData: (answer: any, live: Streamed) => Partial<PageData>]>>} */
const topics = {
  status: ["/admin/status", (answer) => ({ status: answer, servers: answer.servers })],
  sessions: ["/admin/sessions", ({ sessions }) => ({ sessions })],
  calls: ["/admin/calls", ({ calls, showsArguments }, streamed) => ({
    calls: mergedCalls(calls, streamed.calls),
    showsArguments,
  })],
  log: ["/admin/log", ({ records }, streamed) => ({ log: mergedLog(records, streamed.log) })],
  changes: ["/admin/tools/changes", ({ changes }) => ({ changes })],
  profiles: ["/admin/profiles", ({ profiles }) => ({ profiles })],
};

/** What is null where the gateway does not have it. */
const absent = {
  status: {},
  sessions: { sessions: null },
  calls: { calls: null },
  log: { log: null },
  changes: { changes: null },
  profiles: { profiles: null },
};

/** What to fetch again when an event of this type comes. */
/** @type {Readonly<Record<string, Topic>>} */
const fetchedAgain = { tools: "changes", profiles: "profiles" };

/**
 * What the stream has brought since it was opened.
 * @typedef {Pick<PageData, "calls" | "log"> & { calls: any[], log: any[] }} Streamed
 */

/**
 * Starts it.
 * @param {Api} api
 * @param {PageData} initial
 * @param {(isUrgent: boolean) => void} changed
 * @param {(problem: unknown) => void} failed
 * @returns {Live}
 */
export function startLive(api, initial, changed, failed) {
  /** @type {Streamed} */
  let streamed = { calls: [], log: [] };
  /** @type {Live} */
  const live = {
    data: initial,
    async load(topic) {
      const [path, toData] = topics[topic];
      try {
        const answer = await api.call("GET", path);
        live.data = { ...live.data, ...toData(answer, streamed) };
      } catch (problem) {
        const isAbsent = problem instanceof ApiError && problem.status === 404;
        if (isAbsent) live.data = { ...live.data, ...absent[topic] };
        else if (!(problem instanceof ApiError) || problem.status !== 401) failed(problem);
      }
      changed(true);
    },
    stop: () => {},
  };
  live.stop = api.follow({
    onOpen() {
      streamed = { calls: [], log: [] };
      live.data = { ...live.data, connection: "live" };
      for (const topic of /** @type {Topic[]} */ (Object.keys(topics))) void live.load(topic);
    },
    onEvent(event) {
      keep(streamed, event);
      const topic = fetchedAgain[event.type];
      if (topic !== undefined) void live.load(topic);
      const next = withEvent(live.data, event);
      if (next === live.data) return;
      live.data = next;
      changed(false);
    },
    onLost() {
      live.data = { ...live.data, connection: "lost" };
      changed(true);
    },
  });
  return live;
}

/**
 * Within the bounds of the lists that it is merged into.
 * @param {Streamed} streamed
 * @param {{ readonly type: string }} event
 */
function keep(streamed, event) {
  const { calls, log } = withEvent(/** @type {any} */ (streamed), event);
  Object.assign(streamed, { calls, log });
}
