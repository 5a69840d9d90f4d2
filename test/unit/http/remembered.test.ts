/**
 * What the door remembers of earlier requests changes no answer: each request gets what it would get
 * from a gateway that has just started, in any order, also when servers come and go and when more
 * different requests come than are remembered. A failure names the seed; `MCP_TEST_SEED` runs it
 * again.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { defaultLimits } from "../../../src/limits.ts";
import { createHarness, type Harness, type HarnessOptions } from "../../support/http_harness.ts";
import { testSeed as seed } from "../../support/random.ts";

/** A request, as far as the door looks at it. */
interface Visit {
  readonly method: string;
  readonly authority: string;
  readonly host: string;
  readonly origin: string | undefined;
  readonly path: string;
}

const names = fc.constantFrom(
  "localhost:8999",
  "127.0.0.1:8999",
  "localhost:9000",
  "gateway.example.com",
  "evil.example.com",
  "10.0.0.7:8999",
  "10.0.0.8:8999",
);
const visit: fc.Arbitrary<Visit> = fc.record({
  method: fc.constantFrom("GET", "DELETE", "OPTIONS", "PUT"),
  authority: fc.oneof({ weight: 3, arbitrary: fc.constant("localhost:8999") }, names),
  host: fc.oneof(
    { weight: 3, arbitrary: fc.constant("localhost:8999") },
    names,
    fc.constant("a b"),
  ),
  origin: fc.constantFrom(
    undefined,
    undefined,
    "http://localhost:8999",
    "https://evil.example.com",
    "null",
  ),
  path: fc.oneof(
    // Often the same, so that it is remembered when something has changed.
    { weight: 3, arbitrary: fc.constant("/servers/files/mcp") },
    fc.constantFrom(
      "/mcp",
      "/mcp/",
      "/mcp//",
      "/ready",
      "/nowhere",
      "/servers/files/mcp",
      "/servers/files/streamable",
      "/servers/other/mcp",
      "/servers/%66iles/mcp",
      "/servers/%/mcp",
      "/servers/a%2fb/mcp",
    ),
    fc.nat(3 * defaultLimits.rememberedHeadersMax).map((number) => `/ready?number=${number}`),
    fc.constant(`/ready?${"x".repeat(300)}`),
  ),
});
/** Servers come and go, and so do the addresses of the machine. */
const change = fc.record({
  surfaces: fc.subarray(["/mcp", "/servers/files", "/servers/other"]),
  addresses: fc.subarray(["10.0.0.7", "10.0.0.8"]),
});

const config = { host: "0.0.0.0", allowedHosts: ["gateway.example.com"] };

function open(addresses: string[], surfaces: readonly string[]): Harness {
  // Addresses are looked up each time, so that a change shows at once.
  const options: HarnessOptions = { config, addresses, limits: { addressesMs: 0 } };
  const harness = createHarness(options);
  harness.gateway.surfaces = [...surfaces];
  return harness;
}

async function answerTo({ handler }: Harness, asked: Visit): Promise<unknown> {
  const { method, authority, host, origin, path } = asked;
  const headers = { host, ...(origin === undefined ? {} : { origin }) };
  const response = await handler.fetch(
    new Request(`http://${authority}${path}`, { method, headers }),
  );
  const allowed = response.headers.get("access-control-allow-origin");
  const deprecation = response.headers.get("deprecation");
  return { status: response.status, allowed, deprecation, text: await response.text() };
}

test("a gateway that has seen many requests answers as one that has just started", async () => {
  const statuses = new Set<number>();
  const steps = fc.array(
    fc.oneof({ weight: 8, arbitrary: visit }, { weight: 1, arbitrary: change }),
    { minLength: 100, maxLength: 300 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      let surfaces: readonly string[] = ["/mcp", "/servers/files"];
      const addresses = ["10.0.0.7"];
      const old = open(addresses, surfaces);
      for (const step of all) {
        if ("surfaces" in step) {
          surfaces = step.surfaces;
          old.gateway.surfaces = [...surfaces];
          addresses.splice(0, addresses.length, ...step.addresses);
          continue;
        }
        const fresh = open([...addresses], surfaces);
        const answer = await answerTo(old, step);
        expect(answer).toEqual(await answerTo(fresh, step));
        statuses.add((answer as { status: number }).status);
        await fresh.handler.close();
      }
      await old.handler.close();
    }),
    { seed, numRuns: 15 },
  );
  for (const status of [200, 204, 400, 403, 404, 405]) expect([...statuses]).toContain(status);
});
