/**
 * What the operator sees of shares: calls that were refused because their client has its share of
 * processes, and what gave way to another client, in the log, the metrics and the audit trail.
 */
import { afterEach, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";
import { valueOf } from "../support/metric_text.ts";
import { type ObservedGateway, startObserved } from "../support/observed_gateway.ts";

const people = { ann: { id: "user:ann" }, bob: { id: "user:bob" } };
let observed: ObservedGateway | undefined;

afterEach(async () => {
  await observed?.close();
  observed?.remove();
  observed = undefined;
});

test("B15: a call that is refused for its client's share of processes is reported", async () => {
  const busy = createFakeUpstream("busy", {
    tools: [{ name: "work", inputSchema: { type: "object" } }],
  });
  busy.reply = () => ({
    read: (sink) =>
      sink?.({
        kind: "failure",
        error: new GatewayError("rate_limited", "All that one client may have are in use", {
          data: { retryAfterMs: 2_000, outcome: "not_sent" },
          share: "processes",
        }),
      }),
    answer: () => false,
    cancel: () => {},
  });
  const lines: string[] = [];
  const gateway = observed = await startObserved({
    servers: { busy },
    people,
    console: (line) => void lines.push(line),
  });
  const session = await gateway.connect("ann");
  for (let time = 0; time < 3; time += 1) {
    const { text } = await session.request("tools/call", { name: "busy__work", arguments: {} });
    expect(text).toContain('"retryAfterMs":2000');
    // How the gateway counts shares is not the client's matter.
    expect(text).not.toContain("share");
  }
  const metrics = await gateway.metrics();
  expect(valueOf(metrics, "mcp_wrapper_rate_limited_total", { limit: "processes" })).toBe(3);
  expect(lines.filter((line) => line.includes("exceeds its limit")).length).toBe(1);
  await gateway.close();
  expect(gateway.records().filter(({ event }) => event === "rate_limited")).toMatchObject([
    { principal: "user:ann", limit: "processes" },
  ]);
});

test("B15: a stream that gives way to another client's is reported", async () => {
  const lines: string[] = [];
  const gateway = observed = await startObserved({
    servers: { files: createFakeUpstream("files") },
    people,
    limits: { streamsMax: 4, principalStreamsMax: 4, listensPerPrincipalMax: 4 },
    console: (line) => void lines.push(line),
  });
  const listen = async (person: string) => (await (await gateway.connect(person)).listen()).status;
  const statuses = [];
  for (const person of ["ann", "ann", "ann", "bob", "bob"]) statuses.push(await listen(person));
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
  const metrics = await gateway.metrics();
  expect(valueOf(metrics, "mcp_wrapper_gave_way_total", { what: "stream" })).toBe(1);
  expect(lines.filter((line) => /client had to give way.*user:ann/.test(line)).length).toBe(1);
  await gateway.close();
  expect(gateway.records().filter(({ event }) => event === "gave_way")).toMatchObject([
    { principal: "user:ann", what: "stream" },
  ]);
});
