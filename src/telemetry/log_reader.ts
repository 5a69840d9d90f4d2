/**
 * The log as a reader of events: a line for each event that an operator wants to read about, under
 * the source that the event is about. Events without a line here are only counted.
 */
import type { Limits } from "../limits.ts";
import { type Log, type LogFields, Shortened } from "../log.ts";
import { oneLine } from "../one_line.ts";
import { identity } from "../version.ts";
import { grantSteps, limitedRates, oauthSteps, type PageStep, pageSteps } from "./access_events.ts";
import { type CallEvent, type CallFailure, type CallRefusedEvent } from "./call_events.ts";
import { clientLimitWords, givesWay } from "./client_events.ts";
import { type GatewayEvent } from "./events.ts";

/** Where lines go, and how long they may be. */
interface Logs {
  readonly server: (name: string) => Log;
  readonly gateway: Log;
  readonly http: Log;
  readonly oauth: Log;
  readonly limits: Pick<Limits, "logReasonCharsMax">;
}

type Line<Type extends GatewayEvent["type"]> = (
  event: Extract<GatewayEvent, { readonly type: Type }>,
  logs: Logs,
) => void;

/** What is called, by the method. */
const namings: Readonly<Record<string, string>> = {
  "tools/call": "tool",
  "prompts/get": "prompt",
  "resources/read": "resource",
  "resources/directory/read": "resource",
  "skills/get": "skill",
  "resources/subscribe": "resource",
  "resources/unsubscribe": "resource",
};

/** Logs a call that failed, or was refused before it began. */
function failed(
  log: Log,
  { surface, method }: CallEvent | CallRefusedEvent,
  { server, item, client, code, reason }: CallFailure,
  { logReasonCharsMax }: Logs["limits"],
  more: LogFields = {},
): void {
  // Calls that exceed a rate have a line of their own, which is not repeated for each.
  const say = code === "rate_limited" ? log.debug : log.info;
  say("Call failed", {
    ...(server === undefined ? {} : { server }),
    ...(item === undefined ? {} : { [namings[method] ?? "what"]: item }),
    client,
    reason: new Shortened(reason, (text) => oneLine(text, logReasonCharsMax)),
    code,
    method,
    surface,
    ...more,
  });
}

/** The steps of the operator's page that are more or less than news. */
const pageSays: { readonly [Step in PageStep]?: "debug" | "warn" } = {
  link_made: "debug",
  refused: "warn",
};

/** What each event says in the log. */
const lines: { readonly [Type in GatewayEvent["type"]]?: Line<Type> } = {
  start_failed(
    { server, reason, next, failures, retryAfterMs, isChange, isRepeated, details },
    logs,
  ) {
    const own = logs.server(server);
    if (next === "failed") {
      return own.error(
        `Cannot start server "${server}": ${reason}; ` +
          "it is not tried again until its configuration changes, or an operator restarts it",
        details,
      );
    }
    if (next === "crash_loop" && isChange) {
      return own.error(
        `Cannot start server "${server}": ${failures} starts failed in a row; ` +
          "further starts are rare until one succeeds",
        { reason, retryAfterMs, ...details },
      );
    }
    const say = isRepeated ? own.debug : own.warn;
    say(`Cannot start server "${server}": ${reason}`, { failures, retryAfterMs, ...details });
  },
  deaths_in_a_row({ server, reason, deaths, isForAll, isLoop, isChange, retryAfterMs }, logs) {
    const own = logs.server(server);
    const say = isForAll && isChange ? own.error : isLoop && !isChange ? own.debug : own.warn;
    say(
      `Server "${server}" ended soon after it was ready, ${deaths} times in a row` +
        (isForAll ? "" : "; only the client that uses this process has to wait"),
      { reason, retryAfterMs },
    );
  },
  server_recovered({ server }, logs) {
    logs.server(server).info(`Server "${server}" started again`);
  },
  request_refused({ status, code, address }, logs) {
    // Not louder: anyone can cause as many as they like.
    if (address !== undefined) logs.http.debug("Request refused", { status, code, address });
  },
  server_state({ server, state, problem }, logs) {
    const own = logs.server(server);
    own.debug("State", { state, problem });
    if (state === "needs_login") {
      own.info(`Server "${server}" needs a log-in; "${identity.name} status" says what to do`);
    }
  },
  profiles_changed({ profiles }, { gateway }) {
    gateway.info("Profiles were added, changed or removed", { profiles });
  },
  connection_closed({ server, died }, logs) {
    if (died === undefined) return;
    logs.server(server).warn("The server ended unexpectedly", { reason: died });
  },
  call_ended(event, { gateway, limits }) {
    const { surface, method, item, ms, outcome, failure } = event;
    // By which the call is found among the spans.
    const trace = event.trace?.traceId;
    if (failure !== undefined) return failed(gateway, event, failure, limits, { ms, trace });
    gateway.debug("Call", { surface, method, what: item, ms, outcome, trace });
  },
  call_refused(event, { http, limits }) {
    failed(http, event, event.failure, limits);
  },
  rate_limited({ principal, rate, retryAfterMs, isRepeated }, { gateway, limits }) {
    if (isRepeated) return;
    gateway.warn("A client exceeds its limit; its requests are refused for now", {
      principal: new Shortened(principal, (text) => oneLine(text, limits.logReasonCharsMax)),
      limit: limitedRates[rate],
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  },
  gave_way({ what, principal, server }, { gateway, limits }) {
    gateway.info("No place was free: a client had to give way", {
      what: givesWay[what],
      ...(principal === undefined ? {} : {
        principal: new Shortened(principal, (text) => oneLine(text, limits.logReasonCharsMax)),
      }),
      ...(server === undefined ? {} : { server }),
    });
  },
  client_limited({ surface, client, limit, most, tools, affected }, { gateway }) {
    const say = limit === "toolsMax" ? gateway.warn : gateway.info;
    say(clientLimitWords[limit], {
      ...{ client, surface, [limit]: most, tools, affected },
      ...(limit === "toolsMax"
        ? { advice: "offer fewer by a profile, /profiles/{name}/mcp, or all by /search/mcp" }
        : {}),
    });
  },
  result_cut({ server, item, client, chars, keptChars }, { gateway }) {
    gateway.info("Result shortened for its client", {
      ...{ server, tool: item, client, chars, keptChars },
    });
  },
  client_connected({ client, revision, surface }, { http }) {
    http.info("Client connected", { client, revision, surface });
  },
  oauth_step({ step, client, principal, surface, reason }, { oauth, limits }) {
    // Both are the client's own words.
    const [named, place] = [client, surface].map((text) =>
      text === undefined ? undefined : oneLine(text, limits.logReasonCharsMax)
    );
    oauth.info(oauthSteps[step], { client: named, principal, surface: place, reason });
  },
  page_step({ step, reason }, { http }) {
    const say = pageSays[step] ?? "info";
    http[say](pageSteps[step], { reason });
  },
  grant_step({ step, server, principal, issuer, scopes, reason }, logs) {
    const say = reason === undefined ? logs.server(server).info : logs.server(server).warn;
    const fit = (text: string) => oneLine(text, logs.limits.logReasonCharsMax);
    say(grantSteps[step], {
      principal: principal === "" ? undefined : principal,
      issuer: issuer && fit(issuer),
      scopes: scopes && fit(scopes.join(" ")),
      reason: reason && fit(reason),
    });
  },
};

/** A reader that logs events; `log` is the log of the process. */
export function createLogReader(log: Log, limits: Logs["limits"]): (event: GatewayEvent) => void {
  const logs: Logs = {
    server: (name) => log.source(`upstream.${name}`),
    gateway: log.source("gateway"),
    http: log.source("http"),
    oauth: log.source("oauth"),
    limits,
  };
  return (event) => {
    const line = lines[event.type] as Line<GatewayEvent["type"]> | undefined;
    line?.(event as never, logs);
  };
}
