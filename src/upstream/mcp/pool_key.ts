/**
 * Which callers share a connection. A session has its own. Callers that share a scope share a
 * connection if they declare the same capabilities. One connection serves all callers if the
 * dialect or the configuration allows it, or all of a principal's if the configuration says so.
 * Where each principal has a grant of its own at the server, none serves two principals.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import { type Caller, type Principal, sharedPrincipal } from "../../model.ts";
import { declaredCapabilities } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import type { LinkOwner } from "../link/link.ts";
import type { Watchers } from "../watchers.ts";
import type { Attribution } from "./attribution.ts";
import { trialScope } from "./trial_caller.ts";

/** Which callers a connection serves. */
export interface PoolKey {
  /** Tells connections apart. */
  readonly id: string;
  /** The one scope it serves; undefined: several. */
  readonly scope: string | undefined;
  /** The id of the principal whose scopes it serves; undefined: those of all, if it has no scope. */
  readonly principal: string | undefined;
  /** Whether its callers share it; false for a connection that one call has leased. */
  readonly isBase: boolean;
  /** Whether its scope is the session of one client, which the server may ask at any time. */
  readonly isSession: boolean;
}

const forSeveral = { scope: undefined, isBase: true, isSession: false } as const;
const forAll = { ...forSeveral, principal: undefined } as const;

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
  /** Whether a connection with this key serves a scope, as far as its callers are known. */
  serves(key: PoolKey, scope: string): boolean;
  /** Forgets a scope that has ended. */
  forget(scope: string): void;
}

/**
 * Makes the keys. They are remembered, because each call needs its caller's key several times.
 * `isPerPrincipal`: no connection serves two principals.
 */
export function createPoolKeys(config: McpServerConfig, isPerPrincipal = false): PoolKeys {
  const shared: PoolKey = { ...forAll, id: "all" };
  const byDialect = new Map<Dialect, PoolKey>();
  const byCaller = new WeakMap<Caller, PoolKey>();
  /** Scope -> the principal of its callers; only where a principal has a connection. */
  const principals = new Map<string, string>();
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
      return { id: `scope ${scope}`, ...ofScope(scope), isBase: true, isSession: true };
    }
    const id = `scope ${scope} ${number} ${declared(caller).text}`;
    return { id, ...ofScope(scope), isBase: number === 0, isSession: false };
  };
  const ofPrincipal = (caller: Caller, dialect?: Dialect): PoolKey => {
    const { scope, principal } = caller;
    // A trial is a start like others, for no client.
    if (scope === trialScope) return make(caller, 0);
    principals.set(scope, principal.id);
    const id = `principal ${dialect === undefined ? "" : `${dialect.name} `}${principal.id}`;
    return { ...forSeveral, id, principal: principal.id };
  };
  return {
    declared,
    serves: (key, scope) =>
      key.scope !== undefined
        ? key.scope === scope
        : key.principal === undefined || key.principal === principals.get(scope),
    forget: (scope) => void principals.delete(scope),
    of(caller, number, dialect) {
      if (config.isolation === "principal") return ofPrincipal(caller);
      if (dialect?.sharing === "all") {
        if (isPerPrincipal) return ofPrincipal(caller, dialect);
        const known = byDialect.get(dialect);
        if (known !== undefined) return known;
        const key: PoolKey = { ...forAll, id: `all ${dialect.name}` };
        byDialect.set(dialect, key);
        return key;
      }
      if (config.isolation === "shared") return isPerPrincipal ? ofPrincipal(caller) : shared;
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
export function attributionOf(
  { isolation }: McpServerConfig,
  { sharesScope }: Caller,
): Attribution {
  if (isolation !== "session") return isolation === "shared" ? "sole" : "single";
  return sharesScope === true ? "working" : "latest";
}

/** For whom a connection with this key is opened: its credentials are that principal's. */
export function linkOwnerOf(
  { scope = "" }: PoolKey,
  { principal }: Pick<Caller, "principal">,
  isPerPrincipal: boolean,
): LinkOwner {
  return { principal: isPerPrincipal ? principal.id : sharedPrincipal.id, scope };
}

/** Whether a connection is that of one principal alone, and not of this one. */
export function isOfAnother(owner: LinkOwner, { id }: Pick<Principal, "id">): boolean {
  return owner.principal !== sharedPrincipal.id && owner.principal !== id;
}

/**
 * Throws if a connection was opened for another principal. No such connection is ever chosen; a
 * fault in the choice fails the call before it is sent with the credentials of another.
 */
export function assertOwner(server: string, owner: LinkOwner, { principal }: Caller): void {
  if (!isOfAnother(owner, principal)) return;
  const message =
    `A call to server "${server}" was about to use the connection of another principal`;
  throw new GatewayError("internal", message, { data: { server, outcome: "not_sent" } });
}

/** Whose early deaths count together: those of one scope, of one principal, or of all (undefined). */
export function ownerOf(key: PoolKey): string | undefined {
  return key.scope ?? (key.principal === undefined ? undefined : key.id);
}

/** The scopes that a connection serves, as far as they can be told anything. */
export function servedScopes(watchers: Pick<Watchers, "scopes">, key: PoolKey): string[] {
  return key.scope === undefined ? watchers.scopes(key.principal) : [key.scope];
}

const ofScope = (scope: string) => ({ scope, principal: undefined });
