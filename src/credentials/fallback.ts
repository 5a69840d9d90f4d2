/**
 * The one place where a missing credential is forgiven: a provider that could not be reached, a tool
 * that the configuration names, and a scope that never was authenticated, all three (hostile cases,
 * 3.1). Then nothing at all is shown, the use is marked, and the log tells of it. Everything else
 * ends as the provider says. Around every kind, and outside of it nobody decides this.
 */
import type { Authorization, Credential, CredentialUse } from "../outgoing/authorization.ts";
import { emptyContext } from "../outgoing/authorization.ts";
import type { CredentialDeps, Provider, ProviderOptions, Provision } from "./provider.ts";

/** Makes what the caller of a server asks. */
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
  // Also where no tool is named: tomorrow's configuration may name one.
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
    renew: provider.renew,
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

/** Tells of it once in a while, with how often it happened. */
function createWarner(server: string, { clock, limits, log }: CredentialDeps) {
  let calls = 0;
  let last = -Infinity;
  return (provision: Provision): void => {
    calls += 1;
    if (clock.monotonic() - last < limits.degradedLogMs) return;
    log.warn("Called without credentials, since they are unavailable", {
      server,
      calls,
      ...(provision.state === "failed" ? { problem: provision.problem } : {}),
    });
    last = clock.monotonic();
    calls = 0;
  };
}
