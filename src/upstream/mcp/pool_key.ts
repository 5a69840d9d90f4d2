/**
 * Which callers share a connection. A session has its own. Callers that share a scope share a
 * connection if they declare the same capabilities. One connection serves all callers if the
 * dialect or the configuration allows it.
 */
import type { McpServerConfig } from "../../config/config.ts";
import type { Caller } from "../../model.ts";
import { declaredCapabilities } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Attribution } from "./attribution.ts";

/** Which callers a connection serves. */
export interface PoolKey {
  /** Tells connections apart. */
  readonly id: string;
  /** The one scope it serves; undefined: all. */
  readonly scope: string | undefined;
  /** Whether its callers share it; false for a connection that one call has leased. */
  readonly isBase: boolean;
  /** Whether its scope is the session of one client, which the server may ask at any time. */
  readonly isSession: boolean;
}

const forAll = { scope: undefined, isBase: true, isSession: false } as const;

/** The capabilities that are declared to the server for a caller. */
export interface Declaration {
  readonly text: string;
  /** Whether it lets the server ask the client; the gateway may answer for roots itself. */
  readonly mayAsk: boolean;
}

/** The keys of one server's connections. */
export interface PoolKeys {
  /**
   * The key of the connection that serves a caller in a dialect; `number` tells leased connections
   * apart.
   */
  of(caller: Caller, number: number, dialect: Dialect | undefined): PoolKey;
  declared(caller: Caller): Declaration;
}

/** Makes the keys. They are remembered, because each call needs its caller's key several times. */
export function createPoolKeys(config: McpServerConfig): PoolKeys {
  const shared: PoolKey = { ...forAll, id: "all" };
  const byDialect = new Map<Dialect, PoolKey>();
  const byCaller = new WeakMap<Caller, PoolKey>();
  const declarations = new WeakMap<Caller, Declaration>();
  const declared = (caller: Caller): Declaration => {
    const known = declarations.get(caller);
    if (known !== undefined) return known;
    const capabilities = declaredCapabilities(config, caller);
    const mayAsk = Object.keys(capabilities).some((name) =>
      name !== "extensions" && (name !== "roots" || config.roots === "relay")
    );
    const declaration = { text: JSON.stringify(capabilities), mayAsk };
    declarations.set(caller, declaration);
    return declaration;
  };
  const make = (caller: Caller, number: number): PoolKey => {
    const { scope } = caller;
    if (caller.sharesScope !== true) {
      return { id: `scope ${scope}`, scope, isBase: true, isSession: true };
    }
    const id = `scope ${scope} ${number} ${declared(caller).text}`;
    return { id, scope, isBase: number === 0, isSession: false };
  };
  return {
    declared,
    of(caller, number, dialect) {
      if (dialect?.sharing === "all") {
        const known = byDialect.get(dialect);
        if (known !== undefined) return known;
        const key: PoolKey = { ...forAll, id: `all ${dialect.name}` };
        byDialect.set(dialect, key);
        return key;
      }
      if (config.isolation === "shared") return shared;
      if (number > 0) return make(caller, number);
      const known = byCaller.get(caller);
      if (known !== undefined) return known;
      const key = make(caller, number);
      byCaller.set(caller, key);
      return key;
    },
  };
}

/** How precisely the gateway can tell which call a message on this connection belongs to. */
export function attributionOf(config: McpServerConfig, { sharesScope }: Caller): Attribution {
  if (config.isolation === "shared") return "sole";
  return sharesScope === true ? "working" : "latest";
}
