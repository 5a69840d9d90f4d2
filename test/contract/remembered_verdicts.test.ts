/**
 * What the gateway remembers of `Host`, `Origin`, `Accept` and paths changes no answer: a gateway
 * that has seen floods of other texts, reloads of its servers and new addresses of its machine
 * answers each request as one that sees its first. A failure names the seed; `MCP_TEST_SEED` runs
 * it again.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import type { ServersConfig } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/environment.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createTestClock } from "../support/clock.ts";
import { echoKind } from "../support/echo_kind.ts";
import { createFakeGateway } from "../support/fake_gateway.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createHarness, initialize } from "../support/http_harness.ts";
import { testSeed as seed } from "../support/random.ts";

const kinds = [...defaultTables.kinds, echoKind];
const allowedHosts = ["mcp.example.com", "proxy.example.com:444"];

/** The configuration with these servers, on all interfaces. */
async function configOf(names: readonly string[]) {
  const mcpServers = Object.fromEntries(names.map((name) => [name, { echo: true }]));
  const { config } = await readConfig({
    kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_HOST: "0.0.0.0",
      MCP_ALLOW_UNAUTHENTICATED: "true",
      MCP_ALLOWED_HOSTS: allowedHosts.join(","),
      MCP_ALLOWED_ORIGINS: "https://app.example.com",
    },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
  });
  return config;
}

/** What one request says of itself. */
interface Wanted {
  readonly host: string;
  readonly authority: string;
  readonly origin: string | undefined;
  readonly accept: string | undefined;
  readonly path: string;
  readonly method: string;
}

let flooded = 0;
/** In place of `#`, a number that no earlier text had. */
const fill = (text: string) => text.replace("#", () => String(20_000 + (flooded += 1) % 40_000));

function toRequest({ host, authority, origin, accept, path, method }: Wanted): Request {
  const headers = new Headers({ "content-type": "application/json" });
  headers.set("host", host);
  if (origin !== undefined) headers.set("origin", origin);
  if (accept !== undefined) headers.set("accept", accept);
  // Far enough for `Accept` to be read, and not so far that a stream opens.
  if (method === "GET") headers.set("mcp-session-id", "none");
  return new Request(`http://${authority}${path}`, {
    method,
    headers,
    ...(method === "POST" && { body: JSON.stringify(initialize("2025-11-25")) }),
  });
}

async function verdictOf(response: Response) {
  const text = await response.text();
  const { headers, status } = response;
  const message = /"message":"[^"]*"/.exec(text)?.[0];
  const named = ["content-type", "allow", "deprecation", "access-control-allow-origin"];
  return { status, message, headers: named.map((name) => headers.get(name)) };
}

const hosts = fc.constantFrom(
  ...["localhost:8999", "LocalHost:8999", "127.0.0.1:8999", "[::1]:8999", "localhost:8998"],
  ...["mcp.example.com", "mcp.example.com:#", "proxy.example.com:444", "proxy.example.com"],
  ...["192.0.2.1", "192.0.2.2:8999", "192.0.2.1:#", "[2001:db8::1]", "evil.example", "h#.example"],
  ...["", "a b", "localhost:8999, evil.example", "localhost:8999.", "0.0.0.0:8999", "localhost"],
);
const authorities = fc.constantFrom("localhost:8999", "192.0.2.1", "mcp.example.com", "h#.example");
const origins = fc.constantFrom(
  undefined,
  undefined,
  ...["http://localhost:8999", "https://app.example.com", "https://evil.example", "null"],
  ...["http://localhost:#", "https://h#.example"],
);
const accepts = fc.constantFrom(
  undefined,
  ...["application/json, text/event-stream", "application/json", "text/event-stream", "*/*"],
  ...["text/*", "text/html", "application/json;q=0, */*", "text/event-stream;q=0", ""],
  ...["application/json, text/x-#", "text/x-#", "text/x-#, */*;q=0.1", "APPLICATION/JSON"],
  ...["application/json, text/event-stream;q=0", "application/json, text/*"],
);
const paths = fc.constantFrom(
  ...["/mcp", "/mcp/", "/MCP", "/mcp?a=#", "/servers/a/mcp", "/servers/b/mcp", "/servers/c/mcp"],
  ...[
    "/servers/a/streamable",
    "/servers/b/messages",
    "/servers/x#/mcp",
    "/ready",
    "/",
    "/x#",
    "/mcp//",
  ],
  ...["/servers/%61/mcp", "/servers/a%2Fmcp", "/servers/%zz/mcp", "/servers//mcp"],
);
const requests = fc.record<Wanted>({
  host: fc.oneof({ weight: 2, arbitrary: fc.constant("localhost:8999") }, hosts),
  authority: fc.oneof({ weight: 3, arbitrary: fc.constant("localhost:8999") }, authorities),
  origin: origins,
  accept: accepts,
  path: fc.oneof({ weight: 1, arbitrary: fc.constant("/mcp") }, paths),
  method: fc.constantFrom("POST", "POST", "GET", "GET", "OPTIONS", "PUT"),
});

/** What happens to the gateway. */
type Step =
  | { readonly kind: "request"; readonly wanted: Wanted }
  | { readonly kind: "flood"; readonly wanted: Wanted }
  | { readonly kind: "servers"; readonly names: readonly string[] }
  | { readonly kind: "addresses"; readonly addresses: readonly string[] };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: requests.map((wanted) => ({ kind: "request" as const, wanted })) },
  { weight: 1, arbitrary: requests.map((wanted) => ({ kind: "flood" as const, wanted })) },
  {
    weight: 1,
    arbitrary: fc.subarray(["a", "b", "c"]).map((names) => ({ kind: "servers" as const, names })),
  },
  {
    weight: 1,
    arbitrary: fc.subarray(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
      .map((addresses) => ({ kind: "addresses" as const, addresses })),
  },
);

describe(`A gateway that remembers what it has seen (seed ${seed})`, () => {
  const clock = createTestClock();
  const servers = new Map<string, ServersConfig>();
  let gateway: GatewayHandle;
  let names: readonly string[] = ["a", "b"];
  let addresses: readonly string[] = [];

  beforeAll(async () => {
    const runtime = { ...await createTestRuntime(), addresses: () => addresses };
    const config = await configOf(names);
    gateway = await createGateway({ config, runtime, kinds, clock });
  });
  afterAll(async () => {
    void gateway.drain();
    await gateway.close();
  });

  async function reload(next: readonly string[]): Promise<void> {
    const key = next.join();
    const config = servers.get(key) ?? await configOf(next);
    servers.set(key, config);
    names = next;
    await gateway.reload(config);
  }

  /** The answer of a gateway that has seen nothing yet. */
  async function fresh(wanted: Wanted): Promise<Response> {
    const fake = createFakeGateway();
    fake.surfaces = ["/mcp", ...names.map((name) => `/servers/${name}`)];
    const { handler } = createHarness({
      gateway: fake,
      addresses,
      config: { host: "0.0.0.0", allowedHosts, allowedOrigins: ["https://app.example.com"] },
    });
    // The meaning of `Accept` is remembered by the whole process; another type changes none.
    const accept = wanted.accept === undefined ? undefined : fill(`text/y-#, ${wanted.accept}`);
    return handler.fetch(toRequest({ ...wanted, accept }));
  }

  async function assertSame(open: Wanted): Promise<void> {
    const wanted: Wanted = {
      ...open,
      host: fill(open.host),
      authority: fill(open.authority),
      origin: open.origin && fill(open.origin),
      accept: open.accept && fill(open.accept),
      path: fill(open.path),
    };
    const verdict = await verdictOf(await gateway.fetch(toRequest(wanted)));
    // The second time, more may be remembered.
    const again = await verdictOf(await gateway.fetch(toRequest(wanted)));
    const expected = await verdictOf(await fresh(wanted));
    expect({ wanted, verdict, again }).toEqual({ wanted, verdict: expected, again: expected });
  }

  async function take(step: Step): Promise<void> {
    switch (step.kind) {
      case "request":
        return await assertSame(step.wanted);
      case "flood":
        for (let count = 0; count < 2 * defaultLimits.rememberedHeadersMax; count++) {
          const { host, accept = "text/x-#", path } = step.wanted;
          const wanted = { ...step.wanted, host: fill(host), accept: fill(accept) };
          await (await gateway.fetch(toRequest({ ...wanted, path: fill(path) }))).text();
        }
        return;
      case "servers":
        return await reload(step.names);
      case "addresses":
        addresses = step.addresses;
        // The addresses of a machine may be that old.
        return clock.advance(defaultLimits.addressesMs);
    }
  }

  test("answers as one that has seen nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 80 }), async (taken) => {
        for (const step of taken) await take(step);
      }),
      { seed, numRuns: process.env["MCP_TEST_ALL"] === "true" ? 150 : 30 },
    );
  });
});
