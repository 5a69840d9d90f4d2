/**
 * The program with a collector: what its `.env` says, one trace over a real socket and a real
 * process, and the last spans when a signal stops it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Collector, startCollector } from "../support/otlp_collector.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { tracedProgram } from "../support/traced_gateway.ts";
import { startMsMax } from "../support/wait.ts";

let collector: Collector;
let gateway: SpawnedGateway;

beforeAll(async () => {
  collector = await startCollector();
  gateway = await spawnGateway({
    servers: { program: tracedProgram("program", collector.url, false) },
    dotenv: `OTEL_EXPORTER_OTLP_ENDPOINT=${collector.url}\n` +
      "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20a-token-of-the-collector\n" +
      "OTEL_EXPORTER_OTLP_COMPRESSION=gzip\n",
  });
}, 2 * startMsMax);

afterAll(async () => {
  await gateway.dispose();
  await collector.close();
});

test("a gateway that a signal stops sends the spans of its last call", async () => {
  const { request } = await openRpcSession(`${gateway.url}/mcp`);
  const [traceId, spanId] = ["c".repeat(32), "d".repeat(16)];
  const _meta = { traceparent: `00-${traceId}-${spanId}-01` };
  const answer = await request(1, "tools/call", { name: "tell", arguments: {}, _meta });
  expect(answer.result).toBeDefined();
  expect(await gateway.stop()).toBe(0);
  const parents = Object.fromEntries(
    collector.spans.filter((span) => span.traceId === traceId)
      .map(({ service, kind, parentId, spanId }) => [`${service} ${kind}`, { parentId, spanId }]),
  );
  expect(parents).toEqual({
    "mcp-wrapper server": { parentId: spanId, spanId: expect.any(String) },
    "mcp-wrapper client": {
      parentId: parents["mcp-wrapper server"]?.spanId ?? "",
      spanId: expect.any(String),
    },
    "program server": {
      parentId: parents["mcp-wrapper client"]?.spanId ?? "",
      spanId: expect.any(String),
    },
  });
  expect(collector.faults).toEqual([]);
  const own = collector.visits.find(({ headers }) => headers.has("authorization"));
  expect(own?.headers.get("authorization")).toBe("Bearer a-token-of-the-collector");
  const log = gateway.log();
  expect(log).toContain(`Sends spans of calls to ${collector.url}/v1/traces`);
  expect(log).toContain("OTEL_EXPORTER_OTLP_COMPRESSION has no effect");
  expect(log).not.toContain("a-token-of-the-collector");
}, 3 * startMsMax);
