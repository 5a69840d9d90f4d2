/** Makes the grants of a gateway: the seam of server_grants.ts, put together from its parts. */
import { steadyNow } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { createBegunLogins } from "./begun_logins.ts";
import { createDiscovery } from "./discovery.ts";
import { createGrantContexts } from "./grant_context.ts";
import type { GrantDeps } from "./grant_deps.ts";
import { toGrantProblem, toLoginError } from "./grant_problem.ts";
import { toGrantReport } from "./grant_reports.ts";
import { endGrants, type FindServer, forgetGrants, revokeGrants } from "./grant_revocation.ts";
import { createToldNeeds } from "./told_needs.ts";
import { createGrantSource } from "./grant_source.ts";
import { createIssuerClients } from "./issuer_clients.ts";
import { createKeptGrants } from "./kept_grants.ts";
import { createServerState, grantPrincipal, type ServerState } from "./protected_servers.ts";
import type { ProtectedServer, ServerGrants } from "./server_grants.ts";
import {
  beginLogin,
  finishLogin,
  inLoginTime,
  type ServerLoginDeps,
  stranger,
} from "./server_login.ts";

/** Makes the grants. Nothing is read or requested before it is needed. */
export function createServerGrants(options: GrantDeps): ServerGrants {
  const closed = new AbortController();
  const servers = new Map<string, ServerState>();
  const find: FindServer = (name) => servers.get(name)?.server;
  const deps: ServerLoginDeps = {
    ...options,
    kept: createKeptGrants(options),
    toCredential: createGrantContexts(options),
    discovery: createDiscovery(options),
    clients: createIssuerClients(options),
    begun: createBegunLogins(options),
    told: createToldNeeds(options),
    closing: closed.signal,
    replace: (key) =>
      void endReplaced(key).catch((error: unknown) =>
        options.log.error("Cannot end the grant that another one replaces", { error })
      ),
  };
  const { store, bus, kept, begun, clock } = deps;
  const endReplaced: (key: Parameters<ServerLoginDeps["replace"]>[0]) => Promise<void> = async (
    key,
  ) => {
    const old = (await store.find(key.server, key.principal)).filter((one) =>
      one.key.issuer === key.issuer && one.key.resource === key.resource
    );
    await endGrants(old, find, deps);
  };
  const stopHearing = bus.subscribe("storeChanged", ({ what, server, principal }) => {
    if (what === "grants") kept.readAgain(server, principal);
  });
  const watch: ServerGrants["watch"] = (listener) => bus.subscribe("grantChanged", listener);

  return {
    authorizationOf: (server) => createGrantSource(stateOf(servers, server, deps), deps),
    principalFor: (server, principal) => {
      const known = find(server);
      return known === undefined ? principal : grantPrincipal(known, principal);
    },
    async hasGrant(name, principal) {
      const state = servers.get(name);
      if (state === undefined) return undefined;
      const { stored, isUnreadable, isRefused } = await kept.load(state.server, principal);
      if (stored !== undefined) {
        const { failure, expiresAt = Infinity, refreshToken } = stored.grant;
        const isOver = refreshToken === undefined && steadyNow(clock) >= expiresAt;
        return failure?.isFinal !== true && !isRefused && !isOver;
      }
      return isUnreadable || state.asked.all || state.asked.tools ? false : undefined;
    },
    ...createLogins(servers, deps),
    async tellNeeds(name, principal) {
      const state = servers.get(name);
      if (state === undefined) return;
      const { needs } = await kept.load(state.server, principal);
      await deps.told.tell(name, principal, state.challenge, [...needs.values()].flat());
    },
    async reports(server) {
      return (await store.list(server)).map((one) => toGrantReport(one, kept, clock));
    },
    failedLogin: (server) => servers.get(server)?.failed,
    async logOut(server, principal) {
      const grants = principal === undefined
        ? await store.list(server)
        : await store.find(server, principal);
      await endGrants(grants, find, deps);
      return grants.length;
    },
    async forget(principal) {
      await begun.drop({ principal });
      const grants = (await store.list()).filter(({ key }) => key.principal === principal);
      await forgetGrants(grants, deps);
      // No one waits for an issuer that may be away.
      void revokeGrants(grants, find, deps);
    },
    keep(names) {
      const left = new Set(names);
      const gone = new Map([...servers].filter(([name]) => !left.has(name)));
      // At once: the server may come back while an issuer is slow.
      for (const name of gone.keys()) {
        servers.delete(name);
        dropServer(name, deps);
      }
      const work = async (): Promise<void> => {
        const grants = (await store.list()).filter(({ key }) => !left.has(key.server));
        await endGrants(grants, (name) => gone.get(name)?.server, deps);
      };
      void work().catch((error: unknown) =>
        deps.log.error("Cannot end the grants of removed servers", { error })
      );
    },
    watch,
    close() {
      closed.abort();
      stopHearing();
    },
  };
}

/** The state of a server; a changed URL or a changed client starts over. */
function stateOf(
  servers: Map<string, ServerState>,
  server: ProtectedServer,
  deps: ServerLoginDeps,
): ServerState {
  const { kept, discovery } = deps;
  const known = servers.get(server.name);
  if (known !== undefined && JSON.stringify(known.server) === JSON.stringify(server)) return known;
  const state = createServerState(server);
  servers.set(server.name, state);
  if (known !== undefined) {
    kept.drop(server.name);
    discovery.forget(server.name);
    dropServer(server.name, deps);
  }
  return state;
}

/** The log-ins at a server end, at once where this instance is the only one. */
function dropServer(server: string, { begun, log }: ServerLoginDeps): void {
  begun.drop({ server }).catch((error: unknown) =>
    log.error("Cannot end the log-ins at a server that was removed or changed", { server, error })
  );
}

function createLogins(
  servers: ReadonlyMap<string, ServerState>,
  deps: ServerLoginDeps,
): Pick<ServerGrants, "begin" | "finish"> {
  const fail = (thrown: unknown, state: ServerState, principal: string): never => {
    const server = state.server.name;
    const { message: reason, cause } = toGrantProblem(thrown);
    if (cause !== undefined) deps.log.error("Cannot log in at a server", { server, cause });
    deps.emit({ type: "grant_step", step: "login_failed", server, principal, reason });
    const error = toLoginError(thrown, server);
    state.failed = { principal, problem: error.message, at: deps.clock.wall() };
    throw error;
  };
  return {
    async begin(request, signal) {
      const state = servers.get(request.server);
      if (state === undefined) {
        throw new GatewayError(
          "invalid_params",
          `Cannot log in at "${request.server}": no such server takes log-ins`,
        );
      }
      const work = (inTime: AbortSignal) => beginLogin(state, request, deps, inTime);
      return await inLoginTime(work, deps, signal)
        .catch((thrown: unknown) => fail(thrown, state, request.principal));
    },
    async finish(answer, signal) {
      const find: FindServer = (name) => servers.get(name)?.server;
      const state = answer.params.get("state") ?? "";
      const login = await deps.begun.take(state, answer.browser, find);
      const server = login && servers.get(login.server.name);
      if (login === undefined || server === undefined) throw toLoginError(stranger(), "");
      const work = (inTime: AbortSignal) => finishLogin(login, answer, deps, inTime);
      const finished = await inLoginTime(work, deps, signal)
        .catch((thrown: unknown) => fail(thrown, server, login.principal));
      server.failed = undefined;
      return finished;
    },
  };
}
