/**
 * How much the client of a call takes: what is known of its kind (limits/known_clients.ts), with what the
 * configuration says instead. A client is recognized by the name that it gives itself, so that a
 * limit is a service and protects nothing.
 */
import { putWithin } from "../bounded.ts";
import type { ClientBoundKeys, ClientLimits } from "../config/client_limit_keys.ts";
import type { ServerConfig } from "../config/config.ts";
import { matchesPattern } from "../config/tool_filter.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import { type ClientBounds, type KnownClient, knownClients } from "../limits/known_clients.ts";
import type { Caller, JsonObject } from "../model.ts";
import type { ResolvedSurface } from "./server.ts";

/** What a client takes, and what its kind is called: a row, or the operator's own pattern. */
export interface BoundedClient extends ClientBounds {
  readonly id: string;
}

/** The limits of clients in the running configuration. */
export interface ClientBoundRules {
  /** The limits of the client that names itself so; undefined: none. */
  of(clientInfo: JsonObject): BoundedClient | undefined;
  /**
   * The most characters of a result of this server for a caller; undefined: any number. A tool's
   * `_meta` may raise what is known of the client, and never what the operator set.
   */
  resultChars(caller: Caller, config: ServerConfig, meta?: unknown): number | undefined;
  /** Whether results of a surface may be shortened for a caller, and kept to be read on. */
  mayKeep(view: ResolvedSurface, caller: Caller): boolean;
  /** Takes another configuration; returns whether it changes what clients get. */
  replace(keys: ClientBoundKeys): boolean;
}

/** A client that was looked up. */
interface Found {
  readonly client: BoundedClient | undefined;
}

/** Makes the rules. */
export function createClientBoundRules(
  first: ClientBoundKeys,
  { clientNamesMax }: Pick<Limits, "clientNamesMax">,
): ClientBoundRules {
  let keys = first;
  /** By name, as clients send it. */
  let byName = new Map<string, Found>();
  const of = ({ name }: JsonObject): BoundedClient | undefined => {
    if (typeof name !== "string") return undefined;
    let found = byName.get(name);
    if (found === undefined) {
      found = { client: findClient(name, keys) };
      putWithin(byName, name, found, clientNamesMax);
    }
    return found.client;
  };
  const configured = (config: ServerConfig) => config.resultCharsMax ?? keys.resultCharsMax;
  return {
    of,
    resultChars({ clientInfo }, config, meta) {
      const own = raised(of(clientInfo), meta);
      const set = configured(config);
      return own === undefined || set === undefined ? own ?? set : Math.min(own, set);
    },
    mayKeep: ({ servers }, { clientInfo }) =>
      of(clientInfo)?.resultCharsMax !== undefined ||
      servers.some(({ config }) => configured(config) !== undefined),
    replace(next) {
      const isSame = next.resultCharsMax === keys.resultCharsMax &&
        JSON.stringify(next.clientLimits) === JSON.stringify(keys.clientLimits);
      keys = next;
      byName = new Map();
      return !isSame;
    },
  };
}

/** What a client takes of a result, with what the called tool says about it. */
function raised(client: BoundedClient | undefined, meta: unknown): number | undefined {
  const { resultCharsMax, raisedBy } = client ?? {};
  const said = raisedBy !== undefined && isJsonObject(meta) ? meta[raisedBy.key] : undefined;
  if (resultCharsMax === undefined || raisedBy === undefined || typeof said !== "number") {
    return resultCharsMax;
  }
  return Math.max(resultCharsMax, Math.min(said, raisedBy.most));
}

function findClient(given: string, { clientLimits = {} }: ClientBoundKeys) {
  const name = plainName(given);
  const row = knownClients.find(({ names }) => names.some((one) => matchesPattern(one, name)));
  const own = Object.entries(clientLimits).find(([key]) =>
    key === row?.id || matchesPattern(key.toLowerCase(), name)
  );
  if (own === undefined) return row;
  const [key, limits] = own;
  return limits === false ? undefined : withLimits(row, key, limits);
}

/** `mcp-remote` adds its own name to that of the client behind it. */
function plainName(name: string): string {
  return name.replace(/ \(via mcp-remote [^()]*\)$/, "").toLowerCase();
}

/** A row with what the configuration says instead. */
function withLimits(
  row: KnownClient | undefined,
  key: string,
  { toolsMax, nameCharsMax, resultCharsMax }: ClientLimits,
): BoundedClient {
  const choose = (own: number | false | undefined, known: number | undefined) =>
    own === false ? undefined : own ?? known;
  return {
    id: row?.id ?? key,
    toolsMax: choose(toolsMax, row?.toolsMax),
    nameCharsMax: choose(nameCharsMax, row?.nameCharsMax),
    resultCharsMax: choose(resultCharsMax, row?.resultCharsMax),
    // What a tool says counts against what is known, not against the operator's word.
    raisedBy: resultCharsMax === undefined ? row?.raisedBy : undefined,
  };
}
