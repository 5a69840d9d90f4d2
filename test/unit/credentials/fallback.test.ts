/**
 * Calls while credentials are unavailable (case P2): the whole matrix of failures, choices, tools
 * and scopes, against an API that records the credentials it gets. Outside one cell no call may
 * reach it without credentials.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { CredentialsConfig } from "../../../src/config/config.ts";
import { createAuthorization } from "../../../src/credentials/credential_kinds.ts";
import { GatewayError } from "../../../src/errors.ts";
import { createHttpCaller } from "../../../src/outgoing/caller.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createCredentialDeps,
  never,
  type TestCredentialDeps,
  useOf,
} from "../../support/credentials.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import { serveTokens, tokenReply, type TokenServer } from "../../support/token_server.ts";
import { until } from "../../support/wait.ts";

const runtime = await createTestRuntime();
const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Everything that a cell is played with. */
interface Stage {
  readonly tokens: TokenServer;
  readonly api: TokenServer;
  readonly deps: TestCredentialDeps;
  readonly files: Map<string, string | undefined>;
  readonly clock: ReturnType<typeof createTestClock>;
}

interface Failure {
  readonly name: string;
  /** Whether the provider was merely out of reach. */
  readonly isUnreachable: boolean;
  readonly kind: "client" | "refresh" | "file";
  readonly begin: (stage: Stage) => void | Promise<void>;
  /** Waits until the call hangs at the provider. */
  readonly hangs?: boolean;
}

const reply = (answer: TokenServer["reply"]) => ({ tokens }: Stage) => void (tokens.reply = answer);

const failures: readonly Failure[] = [
  {
    name: "the provider is not there",
    isUnreachable: true,
    kind: "client",
    begin: ({ tokens }) => tokens.close(),
  },
  {
    name: "the provider hangs",
    isUnreachable: true,
    kind: "client",
    begin: reply(() => "hang"),
    hangs: true,
  },
  {
    name: "the provider is broken",
    isUnreachable: true,
    kind: "refresh",
    begin: reply(() => ({ status: 503 })),
  },
  {
    name: "the provider refuses us",
    isUnreachable: false,
    kind: "refresh",
    begin: reply(() => ({ status: 400, body: { error: "invalid_grant" } })),
  },
  {
    name: "the provider answers with a page",
    isUnreachable: false,
    kind: "client",
    begin: reply(() => ({ body: "<p>maintenance" })),
  },
  {
    name: "what was stored cannot be opened",
    isUnreachable: false,
    kind: "refresh",
    begin: ({ deps, tokens }) => {
      deps.store.isLocked = true;
      tokens.reply = () => ({ status: 503 });
    },
  },
  {
    name: "what was stored cannot be opened, and no other can be had",
    isUnreachable: false,
    kind: "client",
    begin: ({ deps, tokens }) => {
      deps.store.isLocked = true;
      tokens.reply = () => ({ status: 503 });
    },
  },
  {
    name: "the file with the secret is gone",
    isUnreachable: false,
    kind: "file",
    begin: ({ files }) => files.clear(),
  },
  {
    name: "the API refuses the token, and there is no other",
    isUnreachable: false,
    kind: "client",
    begin: ({ api, tokens }) => {
      api.reply = ({ headers }) => headers["authorization"] === undefined ? {} : { status: 401 };
      tokens.reply = ({ count }) => count === 2 ? tokenReply("token-2") : { status: 503 };
    },
  },
];

function credentialsOf(kind: Failure["kind"], tokens: TokenServer): CredentialsConfig {
  if (kind === "file") return { type: "bearer", token: { file: "/token" } };
  const common = {
    type: "oauth2",
    clientAuthentication: "basic",
    tokenUrl: tokens.tokenUrl,
    clientId: "me",
    clientSecret: "client-secret",
  } as const;
  return kind === "client"
    ? { ...common, grant: "client_credentials" }
    : { ...common, grant: "refresh_token", refreshToken: "refresh-0" };
}

async function openStage() {
  const tokens = await serveTokens(() => tokenReply("token-1", { expires_in: 60 }));
  const api = await serveTokens(() => ({}));
  servers.push(tokens, api);
  const clock = createTestClock();
  const files = new Map<string, string | undefined>([["/token", "file-token"]]);
  const deps = createCredentialDeps({ runtime, clock, files, limits: { httpRetriesMax: 0 } });
  return { tokens, api, clock, files, deps };
}

/** A caller as after a start of the gateway. */
function start(
  { api, deps }: Stage,
  credentials: CredentialsConfig,
  anonymousTools: readonly string[] | undefined,
) {
  const authorization = createAuthorization({ server: "far", credentials, anonymousTools }, deps);
  const caller = createHttpCaller({
    ...deps,
    server: "far",
    url: api.origin,
    headers: {},
    authorization,
  });
  const call = async (tool: string | undefined, scope: string): Promise<string> => {
    try {
      const answer = await caller.call({
        url: `${api.origin}/x`,
        method: "GET",
        headers: {},
        timeoutMs: 600_000,
        repeatable: true,
        use: useOf(tool, scope),
      }, never);
      await answer.text();
      return answer.status === 200
        ? (answer.isDegraded ? "anonymous" : "authenticated")
        : "refused";
    } catch (thrown) {
      if (thrown instanceof GatewayError) return thrown.code;
      throw thrown;
    }
  };
  return { call, authorization };
}

const asNobody = ({ api }: Stage) =>
  api.requests.filter(({ headers }) => headers["authorization"] === undefined).length;

describe("P2 a call whose credentials are unavailable", () => {
  for (const failure of failures) {
    for (const onFailure of ["reject", "anonymous"]) {
      for (const tool of ["search", "update"]) {
        for (const isOld of [false, true]) {
          const mayGo = failure.isUnreachable && onFailure === "anonymous" && tool === "search" &&
            !isOld;
          const cell = `${onFailure}, ${tool}, ${
            isOld ? "a session that was authenticated" : "a new session"
          }`;
          test(`when ${failure.name} (${cell}) ${mayGo ? "goes without" : "does not go"}`, async () => {
            const stage = await openStage();
            const credentials = credentialsOf(failure.kind, stage.tokens);
            const tools = onFailure === "anonymous" ? ["search"] : undefined;
            const { call } = start(stage, credentials, tools);
            expect(await call("search", isOld ? "mine" : "other")).toBe("authenticated");
            stage.clock.advance(61_000);
            await failure.begin(stage);
            // What was stored, and who was authenticated, must be known after a restart, too.
            const again = start(stage, credentials, tools);
            const asked = stage.tokens.requests.length;
            const outcome = again.call(tool, "mine");
            if (failure.hangs === true) {
              await until("the request", () => stage.tokens.requests.length > asked);
              stage.clock.advance(stage.deps.limits.credentialMs);
            }
            const calls = [await outcome];
            // Later ones are answered out of the pause between two tries.
            for (let more = 0; more < 2; more += 1) calls.push(await again.call(tool, "mine"));
            if (mayGo) {
              expect(calls).toEqual(["anonymous", "anonymous", "anonymous"]);
              expect(asNobody(stage)).toBe(3);
            } else {
              expect(calls).not.toContain("anonymous");
              expect(calls).not.toContain("authenticated");
              expect(asNobody(stage)).toBe(0);
            }
          });
        }
      }
    }
  }

  test("does not go without in a session that was authenticated before the fallback was allowed", async () => {
    const stage = await openStage();
    const credentials = credentialsOf("client", stage.tokens);
    expect(await start(stage, credentials, []).call("search", "mine")).toBe("authenticated");
    await stage.tokens.close();
    // As after an edit of the configuration, and for long enough for the token to be over.
    stage.clock.advance(61_000);
    const { call } = start(stage, credentials, ["search"]);
    expect(await call("search", "mine")).toBe("credentials_missing");
    expect(await call("search", "new")).toBe("anonymous");
  });

  test("goes without them only if it calls a tool", async () => {
    const stage = await openStage();
    await stage.tokens.close();
    const { call } = start(stage, credentialsOf("client", stage.tokens), ["search"]);
    expect(await call(undefined, "mine")).toBe("credentials_missing");
    expect(await call("searching", "mine")).toBe("credentials_missing");
    expect(stage.api.requests).toEqual([]);
  });

  test("goes without any part of the credentials, and with them again when they are available", async () => {
    const stage = await openStage();
    stage.tokens.reply = () => ({ status: 500 });
    const { call, authorization } = start(stage, credentialsOf("client", stage.tokens), ["search"]);
    expect(await authorization.get(useOf("search", "mine"), never)).toEqual({
      state: "ready",
      context: { headers: {}, query: {}, cookies: {} },
      isDegraded: true,
    });
    expect(await call("search", "mine")).toBe("anonymous");
    stage.tokens.reply = () => tokenReply("token-1", { expires_in: 60 });
    stage.clock.advance(stage.deps.limits.credentialRetryMsMax);
    expect(await call("search", "mine")).toBe("authenticated");
    // From now on this session has been authenticated.
    stage.tokens.reply = () => ({ status: 500 });
    stage.clock.advance(61_000);
    expect(await call("search", "mine")).toBe("credentials_missing");
    expect(await call("search", "new")).toBe("anonymous");
    authorization.endScope?.("mine");
    expect(await call("search", "mine")).toBe("anonymous");
  });

  test("without credentials is logged once a minute, with the number of such calls", async () => {
    const stage = await openStage();
    stage.tokens.reply = () => ({ status: 500 });
    const { call } = start(stage, credentialsOf("client", stage.tokens), ["search"]);
    const told = () =>
      stage.deps.records.filter(({ severity, message }) =>
        severity === "WARN" && message.startsWith("Called without credentials")
      ).map(({ fields }) => [fields["server"], fields["calls"]]);
    for (let calls = 0; calls < 5; calls += 1) await call("search", "mine");
    expect(told()).toEqual([["far", 1]]);
    stage.clock.advance(stage.deps.limits.degradedLogMs);
    await call("search", "mine");
    expect(told()).toEqual([["far", 1], ["far", 5]]);
  });
});
