/**
 * The one place where the gateway accepts a missing credential. Three conditions must hold: the
 * provider was unreachable, the configuration lists the tool, and the scope was never authenticated
 * ("Fallback without credentials" in docs/architecture.md). Then the call carries no credential,
 * its result is marked, and the log says so. In all other cases the provider's failure stands. The
 * fallback surrounds every kind of credential, and no other code makes this decision.
 */
import type { Authorization, Credential, CredentialUse } from "../outgoing/authorization.ts";
import { emptyContext } from "../outgoing/authorization.ts";
import type { CredentialDeps, Provider, ProviderOptions, Provision } from "./provider.ts";

/** Makes the credential requests of one server. */
export function createFallback(
  provider: Provider,
  { server, credentials, anonymousTools }: Pick<
    ProviderOptions,
    "server" | "credentials" | "anonymousTools"
  >,
  deps: CredentialDeps,
): Authorization {
  const { credentialStore: store } = deps;
  const tools = new Set(anonymousTools);
  // Also if no tool is named: a later configuration may name one.
  const remembers = anonymousTools !== undefined && credentials.type !== "none";
  const warn = createWarner(server, deps);

  const mayGoWithout = async (provision: Provision, { tool, scope }: CredentialUse) =>
    provision.state === "failed" && provision.isUnreachable &&
    tool !== undefined && tools.has(tool) && !await store.knowsScope(server, scope);

  return {
    async get(use, signal) {
      const provision = await provider.get(use, signal);
      if (provision.state === "ready") {
        if (remembers) await store.noteScope(server, use.scope);
        return { ...provision, isDegraded: false };
      }
      if (!await mayGoWithout(provision, use)) return toCredential(provision);
      warn(provision);
      return { state: "ready", context: emptyContext, isDegraded: true };
    },
    renew: async (context, use, signal, refusal) =>
      refusal.status === 401 && await provider.renew(context, use, signal, refusal),
    endScope(scope) {
      if (remembers) void store.forgetScope(server, scope);
    },
  };
}

function toCredential(provision: Exclude<Provision, { readonly state: "ready" }>): Credential {
  if (provision.state === "needs_person") return provision;
  const { state, problem, retryAfterMs } = provision;
  return { state, problem, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Logs the fallback once in a while, with the number of calls. */
function createWarner(server: string, { clock, limits, log }: CredentialDeps) {
  let calls = 0;
  let last = -Infinity;
  return (provision: Provision): void => {
    calls += 1;
    if (clock.monotonic() - last < limits.degradedLogMs) return;
    log.warn("Called without credentials because they are unavailable", {
      server,
      calls,
      ...(provision.state === "failed" ? { problem: provision.problem } : {}),
    });
    last = clock.monotonic();
    calls = 0;
  };
}
