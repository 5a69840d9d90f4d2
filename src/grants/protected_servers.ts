/** The servers that may want a grant, and what each asked for so far. */
import type { CredentialUse } from "../outgoing/authorization.ts";
import { sharedPrincipal } from "../model.ts";
import { standsForOne } from "../principals.ts";
import type { TokenChallenge } from "./challenge.ts";
import type { FailedLogin, ProtectedServer } from "./server_grants.ts";

/** Which requests were refused because no grant came along. */
interface Asked {
  tools: boolean;
  all: boolean;
}

/** One server. */
export interface ServerState {
  readonly server: ProtectedServer;
  /** The latest challenge; undefined: none so far. */
  challenge: TokenChallenge | undefined;
  readonly asked: Asked;
  /** The same of principals that never have a grant, each by itself: they may go without. */
  readonly askedOfOthers: Map<string, Asked>;
  /** Whether the store was looked into. */
  looking: Promise<void> | undefined;
  /** Until then (monotonic clock) it is not looked for an issuer again that could not be found. */
  unfoundUntil: number;
  /** The latest log-in, if it failed. */
  failed: FailedLogin | undefined;
}

/** Makes the state of a server that was never asked. */
export function createServerState(server: ProtectedServer): ServerState {
  return {
    server,
    challenge: undefined,
    asked: { tools: false, all: false },
    askedOfOthers: new Map(),
    looking: undefined,
    unfoundUntil: -Infinity,
    failed: undefined,
  };
}

/** The id of the principal whose grant serves a caller. */
export function grantPrincipal({ oauth }: ProtectedServer, principal: string): string {
  return oauth.grant === "shared" ? sharedPrincipal.id : principal;
}

/** Whether a principal can have a grant of its own: all clients together cannot. */
export function canHaveGrant({ oauth }: ProtectedServer, principal: string): boolean {
  return oauth.grant === "shared" || standsForOne({ id: principal });
}

/**
 * Whether this use needs a grant, as far as is known. A server that refused a tool's call may list
 * its tools to everyone.
 */
export function needsGrant(state: ServerState, { principal, tool }: CredentialUse): boolean {
  const { asked, askedOfOthers, server } = state;
  const own = canHaveGrant(server, principal) ? asked : askedOfOthers.get(principal);
  return own !== undefined && (own.all || (tool !== undefined && own.tools));
}

/** The server refused this use for want of a grant. */
export function noteAsked(state: ServerState, { principal, tool }: CredentialUse): void {
  const { asked, askedOfOthers, server } = state;
  const all = tool === undefined;
  if (all) asked.all = true;
  else asked.tools = true;
  if (canHaveGrant(server, principal)) return;
  const own = askedOfOthers.get(principal) ?? { tools: false, all: false };
  askedOfOthers.set(principal, { tools: true, all: own.all || all });
}
