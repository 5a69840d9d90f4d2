/** Who may connect, as an embedding program and the admin API change it. */
import { createKeyRing, type KeyRing } from "../auth/key_ring.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log, LogSink } from "../log.ts";
import {
  type ClientSteering,
  createAccessLists,
  type GrantSteering,
} from "../oauth/access_lists.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import { createOAuthSteering } from "../oauth/oauth_steering.ts";
import { createPeople, type People } from "../oauth/people.ts";
import type { UserSteering } from "../oauth/users.ts";
import { keyPrincipal, userPrincipal } from "../principals.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Stores } from "../store/stores.ts";
import type { Emit } from "../telemetry/events.ts";

/** The credentials that the gateway itself gives to clients and people. */
export interface AccessSteering {
  readonly keys: KeyRing;
  /** People who log in at the gateway's own pages. */
  readonly users: UserSteering;
  /** The clients that registered, and what was granted to them. */
  readonly clients: ClientSteering;
  readonly grants: GrantSteering;
}

/** What it works on. */
export interface AccessDeps {
  readonly stores: Stores;
  readonly runtime: Pick<Runtime, "nextTurn" | "sha256" | "request">;
  /** Gets what is revoked. */
  readonly bus: Bus;
  readonly emit: Emit;
  /** Ends what protected servers granted to a principal that is gone. */
  readonly forgetPrincipal: (principal: string) => Promise<void>;
  /** Absent: no authorization server runs, but what it stored can be changed. */
  readonly oauth?: OAuthServer | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Pick<LogSink, "source">;
}

/** Makes it for opened stores, with the people that pages log in. */
export function createAccessSteering(
  { stores, runtime, bus, emit, forgetPrincipal, oauth, clock, limits, log }: AccessDeps,
): { readonly access: AccessSteering; readonly people: People } {
  const steering = oauth ??
    createOAuthSteering({ store: stores.oauth, settings: { clients: new Map() }, bus, emit });
  const people = createPeople({
    store: stores.users,
    records: stores.logins,
    server: steering,
    settings: oauth?.settings.login,
    runtime,
    clock,
    limits,
    log: log.source("users"),
  });
  const keys = createKeyRing({ store: stores.keys, bus, clock, limits, log: log.source("keys") });
  const { users } = people;
  // The next one of this name must not act at servers with the log-ins of the one before.
  const access: AccessSteering = {
    keys: {
      ...keys,
      async revoke(name) {
        await keys.revoke(name);
        await forgetPrincipal(keyPrincipal(name));
      },
    },
    users: {
      ...users,
      async remove(name) {
        await users.remove(name);
        await forgetPrincipal(userPrincipal(name));
      },
    },
    ...createAccessLists(steering),
  };
  return { access, people };
}

/** Says how to add the first user, while no person can log in. */
export async function announceFirstUser({ users, openid }: People, log: Log): Promise<void> {
  if (openid !== undefined || !await users.isEmpty()) return;
  log.warn("No person can log in yet; add the first user with: mcp-wrapper users add NAME");
}
