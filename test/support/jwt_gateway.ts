/**
 * The HTTP layer with the authenticator kind `jwt` for tests: a clock that the test steers, real
 * requests to the issuers, and every address that the gateway was ready to connect to.
 */
import {
  type AuthenticatorKinds,
  authenticatorKinds,
  createAuthenticator,
} from "../../src/auth/authenticator_kinds.ts";
import { createInProcessBus } from "../../src/bus/in_process.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { JsonObject, Principal } from "../../src/model.ts";
import type { OutgoingRequest, Runtime } from "../../src/runtime/runtime.ts";
import { createSealer, makeKey } from "../../src/seal.ts";
import { createMemoryKeyStore } from "../../src/store/memory_keys.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createHarness, type Harness } from "./http_harness.ts";
import type { JwtTestIssuer } from "./jwt_issuer.ts";
import { createTestLog, type TestRecord } from "./log.ts";
import { ask } from "./stateless_client.ts";

/** What a test may choose. */
export interface JwtGatewayOptions {
  /** What stands under `auth.jwt`. */
  readonly settings: JsonObject;
  readonly limits?: Partial<Limits>;
  readonly config?: Partial<GatewayConfig>;
  readonly kinds?: readonly string[];
  /** Absent: the gateway's own. */
  readonly table?: AuthenticatorKinds;
}

/** The layer. */
export interface JwtGateway extends Harness {
  readonly clock: TestClock;
  /** What the authenticator logged. */
  readonly authRecords: readonly TestRecord[];
  /** The addresses that a request was allowed to connect to. */
  readonly allowed: readonly string[];
  /** Who made the calls that came through, in order. */
  readonly principals: readonly Principal[];
  /** Calls a tool with a bearer token; resolves with the response, whose body was read. */
  call(token: string, path?: string): Promise<Response>;
  /** The same; resolves with the status. */
  statusOf(token: string, path?: string): Promise<number>;
  close(): Promise<void>;
}

/** The URL of the endpoint at which the tests' clients know the gateway. */
export const resource = "http://localhost:8999/mcp";

/** Makes the layer. */
export async function createJwtGateway(options: JwtGatewayOptions): Promise<JwtGateway> {
  const { settings, kinds = ["jwt"] } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const clock = createTestClock();
  const log = createTestLog();
  const bus = createInProcessBus({ limits, log });
  const platform = await createTestRuntime();
  const allowed: string[] = [];
  const request = (outgoing: OutgoingRequest) =>
    platform.request({
      ...outgoing,
      allowAddress(address) {
        const isAllowed = outgoing.allowAddress(address);
        if (isAllowed) allowed.push(address);
        return isAllowed;
      },
    });
  const runtime: Runtime = { ...platform, request };
  const auth = { kinds, settings: { jwt: settings } };
  const authenticator = await createAuthenticator(auth, options.table ?? authenticatorKinds, {
    config: { ...options.config, auth } as GatewayConfig,
    runtime,
    keys: createMemoryKeyStore(),
    sealer: await createSealer(makeKey()),
    bus,
    clock,
    limits,
    log,
  });
  const harness = createHarness({
    authenticator,
    clock,
    bus,
    ...(options.config === undefined ? {} : { config: options.config }),
  });
  const principals: Principal[] = [];
  harness.gateway.instant = ({ caller }) => {
    principals.push(caller.principal);
    return { content: [] };
  };
  const call: JwtGateway["call"] = async (token, path = "/mcp") => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await ask(harness, "tools/call", { name: "x", arguments: {} }, {
      headers,
      path,
    });
    const text = await response.text();
    return new Response(text, response);
  };
  return {
    ...harness,
    clock,
    authRecords: log.records,
    allowed,
    principals,
    call,
    statusOf: async (token, path) => (await call(token, path)).status,
    async close() {
      await harness.handler.close();
      await authenticator.close?.();
    },
  };
}

/** Claims of a token for the gateway, valid for an hour. */
export function usualClaims(
  { issuer }: Pick<JwtTestIssuer, "issuer">,
  clock: Pick<TestClock, "wall">,
): JsonObject {
  const now = Math.floor(clock.wall() / 1_000);
  return { iss: issuer, sub: "ada", aud: resource, iat: now, exp: now + 3_600, client_id: "app" };
}
