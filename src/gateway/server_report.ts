/**
 * What an operator sees of each server: its state, since when, and what happened at it. The command
 * line and the admin API show it. Not here: `/health`, which is open to clients and shows less.
 */
import type {
  DisabledServer,
  HttpServerConfig,
  ServerConfig,
  ServerSource,
} from "../config/config.ts";
import { isOfKind } from "../config/server_kind.ts";
import { targetOf } from "../config/server_target.ts";
import type { ServerHistory, ServerPast } from "../telemetry/server_history.ts";
import type { UpstreamState, UpstreamStatus } from "../upstream/upstream.ts";

/**
 * A server's state as it is shown: that of its upstream, `queued` while it waits for its first
 * start, or `disabled`.
 */
export type ShownState = UpstreamState | "queued" | "disabled";

/** One server, for the operator. Names, codes and numbers; `lastError` may quote the server. */
export interface ServerReport {
  readonly name: string;
  /** `stdio`, `http`, `rest`, or `failed` if its configuration is wrong. */
  readonly kind: string;
  readonly source: ServerSource;
  readonly enabled: boolean;
  /** Its program, origin, recipe or document; absent if it is disabled or its entry is wrong. */
  readonly target?: string | undefined;
  /** Of a remote server. */
  readonly url?: string | undefined;
  readonly state: ShownState;
  /** When it came into this state (ISO 8601). */
  readonly since: string;
  /** Why it does not work now, as a code of the error table. */
  readonly error?: string | undefined;
  /** Why it does not work, or why it last did not. */
  readonly lastError?: string | undefined;
  /** How often it was started again since the gateway started. */
  readonly restarts: number;
  /** The same by what came before the start. Absent: it is disabled. */
  readonly restartReasons?: ServerPast["restartReasons"] | undefined;
  /** The protocol revision that is spoken with it. */
  readonly revision?: string | undefined;
  /** How the server names itself. */
  readonly serverInfo?: { readonly name: string; readonly version: string } | undefined;
  /** As far as they are known. */
  readonly tools?: number | undefined;
  readonly prompts?: number | undefined;
  readonly resources?: number | undefined;
  /** How many of its tools changed and wait for a person. Absent: it is disabled. */
  readonly changedTools?: number | undefined;
  /** Since the gateway started. */
  readonly calls: number;
  readonly failures: number;
  /** The median time of the latest calls. */
  readonly medianMs?: number | undefined;
  /** The medians of the last minutes, the present one last; null: a minute without a call. */
  readonly latencies: readonly (number | null)[];
}

/** A configured server and where it stands. */
export interface ConfiguredServer {
  readonly config: ServerConfig;
  readonly status: UpstreamStatus;
  /** Whether it waits for its first start. */
  readonly isQueued: boolean;
  /** How many calls are open at it. */
  readonly openCalls: number;
}

/** The state that is shown of a server. */
export function toShownState(
  { status: { state }, isQueued }: Pick<ConfiguredServer, "status" | "isQueued">,
): Exclude<ShownState, "disabled"> {
  return isQueued && state === "idle" ? "queued" : state;
}

/** The report of a server; `hide` replaces secrets in what it says. */
export function reportServer(
  server: ConfiguredServer,
  history: ServerHistory,
  hide: (text: string) => string,
): ServerReport {
  const { config, status } = server;
  const { name, kind, definedIn = "file" } = config;
  const { lastError, ...past } = history.of(name);
  const { since, error, problem, tools, prompts, resources, revision, serverInfo } = status;
  const said = problem ?? lastError;
  return {
    name,
    kind,
    source: definedIn,
    enabled: true,
    target: targetOf(config, hide),
    url: isOfKind<HttpServerConfig>(config, "http") ? hide(config.url) : undefined,
    state: toShownState(server),
    since: new Date(since).toISOString(),
    error,
    lastError: said === undefined ? undefined : hide(said),
    revision,
    serverInfo,
    tools,
    prompts,
    resources,
    ...past,
  };
}

/** The report of a disabled server; `since` is when it was read, in milliseconds since 1970. */
export function reportDisabled(
  { name, kind, definedIn: source }: DisabledServer,
  since: number,
): ServerReport {
  return {
    name,
    kind,
    source,
    enabled: false,
    state: "disabled",
    since: new Date(since).toISOString(),
    restarts: 0,
    calls: 0,
    failures: 0,
    latencies: [],
  };
}
