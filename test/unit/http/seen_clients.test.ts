/**
 * The log lines about clients: one when a client connects, and one for each request that is refused
 * at the door.
 */
import { describe, expect, test } from "bun:test";
import {
  createHarness,
  type Harness,
  initialize,
  jsonHeaders,
  request,
} from "../../support/http_harness.ts";
import { ask } from "../../support/stateless_client.ts";
import { until } from "../../support/wait.ts";

const seen = ({ records }: Harness): Record<string, unknown>[] =>
  records.filter(({ severity }) => severity !== "DEBUG")
    .map(({ severity, message, fields }) => ({ severity, message, ...fields }));
const echo = { name: "echo", arguments: {} };
const connected = (client: string, revision: string, surface = "/mcp") => ({
  severity: "INFO",
  message: "Client connected",
  client,
  revision,
  surface,
});

describe("a client that comes", () => {
  test("with a handshake is named with the revision that was agreed on", async () => {
    const harness = createHarness();
    const session = await harness.connect({ revision: "2025-06-18", path: "/servers/files/mcp" });
    await session.post(request(1, "tools/call", echo));
    const stream = await harness.send("GET", "/sse");
    const [, url = ""] = /data: (\S+)/.exec(
      new TextDecoder().decode((await stream.body?.getReader().read())?.value),
    ) ?? [];
    const body = initialize("2099-01-01");
    (body.params as { clientInfo: unknown }).clientInfo = {
      name: "a\nb\u001b[2J",
      version: "9".repeat(300),
    };
    await harness.send("POST", url, { headers: jsonHeaders, body });
    await until("both are logged", () => seen(harness).length === 2);
    expect(seen(harness)).toEqual([
      connected("test 1", "2025-06-18", "/servers/files"),
      connected(`a b [2J ${"9".repeat(91)}…`, "2025-11-25"),
    ]);
  });

  test("without a session is named once, and again after an hour of silence", async () => {
    const harness = createHarness();
    await ask(harness, "tools/call", echo);
    await ask(harness, "server/discover", {}, { path: "/servers/files/mcp" });
    harness.clock.advance(3_599_999);
    await ask(harness, "tools/call", echo);
    harness.clock.advance(3_599_999);
    await ask(harness, "tools/call", echo);
    expect(seen(harness)).toEqual([connected("test 1", "2026-07-28")]);
    await ask(harness, "tools/call", echo, {
      meta: { clientInfo: { name: "test", version: "2" } },
    });
    harness.clock.advance(3_600_000);
    await ask(harness, "tools/call", echo);
    expect(seen(harness).map(({ client }) => client)).toEqual(["test 1", "test 2", "test 1"]);
  });

  test("in large numbers is remembered up to a limit", async () => {
    const harness = createHarness({ limits: { seenClientsMax: 2 } });
    const come = (name: string) =>
      ask(harness, "tools/call", echo, { meta: { clientInfo: { name, version: "1" } } });
    for (const name of ["a", "b", "c", "c", "b", "a"]) await come(name);
    expect(seen(harness).map(({ client }) => client)).toEqual(["a 1", "b 1", "c 1", "a 1"]);
  });
});

describe("a request that is refused before it is a call", () => {
  test("is a call that failed", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    await session.post(request(1, "tools/call", { name: 5 }));
    await session.post(request(2, "no/such"));
    await ask(harness, "prompts/get", { name: "x" });
    expect(seen(harness).filter(({ message }) => message === "Call failed")).toMatchObject([
      { client: "test 1", method: "tools/call", code: "invalid_params", surface: "/mcp" },
      { client: "test 1", method: "no/such", reason: 'Unknown method "no/such"' },
      { client: "test 1", prompt: "x", code: "method_not_found" },
    ]);
  });
});
