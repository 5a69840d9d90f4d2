/** The pages of the authorization server in tests: people in memory, and requests that wait. */
import type { GatewayConfig } from "../../src/config/config.ts";
import type { OpenIdSettings } from "../../src/oauth/login_settings.ts";
import { createPeople, type People } from "../../src/oauth/people.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type {
  Person,
  WaitingAuthorization,
  WaitingAuthorizations,
} from "../../src/oauth/waiting_authorizations.ts";
import { createSealer, makeKey } from "../../src/seal.ts";
import { createMemoryLogins } from "../../src/store/memory_logins.ts";
import { createMemoryUsers } from "../../src/store/memory_users.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createHarness, type Harness } from "./http_harness.ts";
import { createTestLog } from "./log.ts";
import { openBrowser, type SendRequest, type TestBrowser } from "./oauth_person.ts";

/** What a person decided about a request. */
export interface Decision {
  readonly id: string;
  readonly person?: Person;
  readonly scopes?: readonly string[];
}

/** The pages and what is behind them. */
export interface PagesHarness extends Harness {
  readonly people: People;
  readonly decisions: readonly Decision[];
  /** Principals whose grants were revoked. */
  readonly revoked: readonly string[];
  /** Adds a request that waits; returns the URL of its page. */
  ask(changes?: Partial<WaitingAuthorization>): string;
  /** What the gateway forgets at a restart. */
  forgetWaiting(): void;
  readonly sendRequest: SendRequest;
  browser(origin?: string): TestBrowser;
}

/** The password of `ann`, the only user. */
export const password = "correct horse battery";

/** Makes them with the user `ann`. */
export async function createPagesHarness(
  { limits: changes = {}, config = {}, openid, clock = createTestClock() }: {
    readonly limits?: Partial<Limits>;
    readonly config?: Partial<GatewayConfig>;
    readonly openid?: OpenIdSettings;
    readonly clock?: TestClock;
  } = {},
): Promise<PagesHarness> {
  // Hashes of full strength would only take time here.
  const weak: Limits = { ...defaultLimits, passwordMemoryKib: 64, ...changes };
  const decisions: Decision[] = [];
  const revoked: string[] = [];
  const waitingById = new Map<string, WaitingAuthorization>();
  const take = (id: string, decision: Omit<Decision, "id">, query: string): string | undefined => {
    const found = waitingById.get(id);
    if (!waitingById.delete(id) || found === undefined) return undefined;
    decisions.push({ id, ...decision });
    const { redirectUri } = found;
    return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${query}`;
  };
  const waiting: WaitingAuthorizations = {
    find: async (id) => {
      const found = waitingById.get(id);
      return found !== undefined && clock.wall() < found.expiresAt ? found : undefined;
    },
    approve: async (id, person, scopes) => take(id, { person, scopes }, "code=mcpc_x&iss=here"),
    refuse: async (id) => take(id, {}, "error=access_denied&iss=here"),
  };
  const runtime = await createTestRuntime();
  const people = createPeople({
    records: createMemoryLogins({ clock }),
    store: createMemoryUsers(),
    server: {
      revokePrincipal: async (principal) => revoked.push(principal),
    },
    settings: { openid },
    runtime,
    clock,
    limits: weak,
    log: createTestLog(),
  });
  await people.users.add("ann", { roles: ["dev"], groups: ["team"], password });
  const sealer = await createSealer(makeKey());
  const harness = createHarness({
    clock,
    config,
    limits: weak,
    pages: { people, waiting, sealer },
  });
  const sendRequest: SendRequest = (request) =>
    harness.handler.fetch(request, { remoteAddress: "192.0.2.1" });
  let count = 0;
  return {
    ...harness,
    people,
    decisions,
    revoked,
    ask(request = {}) {
      const id = `request-${count += 1}`;
      waitingById.set(id, {
        id,
        client: { id: "mcpr", kind: "registration", name: "A client" },
        redirectUri: "https://client.example/callback",
        surface: "/mcp",
        scopes: ["mcp", "offline_access"],
        expiresAt: clock.wall() + 600_000,
        ...request,
      });
      return `http://localhost:8999/oauth/consent?request=${id}`;
    },
    forgetWaiting: () => waitingById.clear(),
    sendRequest,
    browser: (origin) => openBrowser(sendRequest, origin),
  };
}
