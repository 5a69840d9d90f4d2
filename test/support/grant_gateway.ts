/** The grants of a gateway at work with one protected server, as the tests of src/grants use them. */
import type { ServerOAuthConfig } from "../../src/config/config.ts";
import type { GrantStore } from "../../src/grants/grant.ts";
import type { FinishedLogin } from "../../src/grants/server_grants.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type {
  Credential,
  CredentialUse,
  SecurityContext,
} from "../../src/outgoing/authorization.ts";
import { createMemoryGrantStore } from "../../src/store/memory_grants.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { createTestClock } from "./clock.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { type GrantIssuer, type IssuerKnobs, startGrantIssuer } from "./grant_issuer.ts";
import { createTestLog } from "./log.ts";
import { createTestGrants } from "./test_grants.ts";

/** Nothing is given up. */
export const patient = new AbortController().signal;

/** What a test may choose. */
export interface GrantGatewayOptions {
  readonly knobs?: Partial<IssuerKnobs>;
  readonly oauth?: Partial<ServerOAuthConfig>;
  readonly limits?: Partial<Limits>;
  readonly publicUrl?: string;
  readonly store?: GrantStore;
  readonly far?: GrantIssuer;
}

/** The callback of the tests. */
export const callback = "http://127.0.0.1:3050/oauth/callback";

/** Starts a protected server, its issuer, and the grants of a gateway. */
export async function startGrantGateway(options: GrantGatewayOptions = {}) {
  const far = options.far ?? await startGrantIssuer(options.knobs);
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const clock = createTestClock();
  const log = createTestLog();
  const store = options.store ?? createMemoryGrantStore({ limits });
  const events: GatewayEvent[] = [];
  const secrets: string[] = [];
  const grants = createTestGrants({
    runtime: await createTestRuntime(),
    limits,
    clock,
    log,
    store,
    emit: (event) => void events.push(event),
    addSecrets: (values) => void secrets.push(...values),
    publicUrl: options.publicUrl,
  });
  const server = {
    name: "far",
    url: far.url,
    oauth: { grant: "each", connectTool: true, ...options.oauth } as const,
  };
  const authorization = grants.authorizationOf(server);
  const useOf = (principal: string, tool?: string): CredentialUse => ({
    principal,
    scope: principal,
    tool,
  });
  const get = (principal: string, tool?: string): Promise<Credential> =>
    authorization.get(useOf(principal, tool), patient);
  /** One request as the HTTP caller makes it: refused credentials are renewed once. */
  const call = async (principal: string, tool = "read"): Promise<number | Credential> => {
    for (let attempt = 0;; attempt += 1) {
      const credential = await get(principal, tool);
      if (credential.state !== "ready") return credential;
      const { status, headers } = await fetch(far.url, {
        method: "POST",
        headers: { ...credential.context.headers },
      }).then(async (response) => {
        await response.body?.cancel();
        return response;
      });
      const challenge = headers.get("www-authenticate") ?? undefined;
      const refusal = { status, challenge, nonce: undefined };
      const isRefused = status === 401 || (status === 403 && challenge !== undefined);
      const { context } = credential;
      const use = useOf(principal, tool);
      if (!isRefused || attempt > 0) return status;
      if (!await authorization.renew(context, use, patient, refusal)) return status;
    }
  };
  const begin = (principal: string, browser = principal) =>
    grants.begin(
      { server: "far", principal, redirectUri: callback, browser, returnTo: "/back" },
      patient,
    );
  const logIn = async (principal: string): Promise<FinishedLogin> => {
    const { url } = await begin(principal);
    return await grants.finish({ params: await far.follow(url), browser: principal }, patient);
  };
  return {
    far,
    grants,
    authorization,
    server,
    clock,
    log,
    store,
    events,
    secrets,
    get,
    call,
    begin,
    logIn,
    useOf,
    async close() {
      grants.close();
      await far.close();
    },
  };
}

/** The token of a context. */
export function tokenOf(credential: Credential): string | undefined {
  return credential.state === "ready" ? bearerOf(credential.context) : undefined;
}

function bearerOf({ headers }: SecurityContext): string | undefined {
  return headers["authorization"]?.replace(/^Bearer /, "");
}
