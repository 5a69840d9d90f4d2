/** What `/metrics` says while clients call servers, and what never becomes a label. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { GatewayError } from "../../src/errors.ts";
import type { JsonObject, Principal } from "../../src/model.ts";
import type { AccessOptions } from "../support/access_gateway.ts";
import { type AdminCalls, openAdminCalls } from "../support/admin_calls.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";
import { readMetrics, valueOf } from "../support/metric_text.ts";
import { type ObservedGateway, startObserved } from "../support/observed_gateway.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { until, within } from "../support/wait.ts";

const ann: Principal = { id: "user:ann" };
const tool = (name: string): JsonObject => ({ name, inputSchema: { type: "object" } });
const text = (said: string): JsonObject => ({ content: [{ type: "text", text: said }] });

let observed: ObservedGateway | undefined;

async function start(options: Omit<AccessOptions, "people">): Promise<ObservedGateway> {
  return observed = await startObserved({ ...options, people: { ann } });
}

afterEach(async () => {
  await observed?.close();
  observed?.remove();
  observed = undefined;
});

/** The items of a server that have series of their own. */
const itemsOf = async (gateway: ObservedGateway, server: string) => {
  const samples = (await gateway.metrics()).get("mcp_wrapper_calls_total")?.samples ?? [];
  const own = samples.filter(({ labels }) => labels["server"] === server);
  return [...new Set(own.map(({ labels }) => labels["item"]))].toSorted();
};

describe("calls", () => {
  test("are counted by server, tool and outcome, with how long they took", async () => {
    const files = createFakeUpstream("files", {
      tools: [tool("read"), tool("fail")],
      prompts: [{ name: "greet" }],
      resources: [{ uri: "mem://a", name: "a" }],
    });
    files.script((_, { params }) => {
      if (params["name"] === "greet") return Promise.resolve({ messages: [] });
      return Promise.resolve({ ...text("done"), isError: params["name"] === "fail" });
    });
    const gateway = await start({ servers: { files } });
    const session = await gateway.connect("ann");
    for (let count = 0; count < 3; count += 1) {
      await session.request("tools/call", { name: "files__read", arguments: {} });
    }
    await session.request("tools/call", { name: "files__fail", arguments: {} });
    await gateway.ask("ann", "tools/call", { name: "files__read", arguments: {} });
    await session.request("prompts/get", { name: "files__greet" });
    await session.request("resources/read", { uri: "mem://a" });
    await session.request("tools/list");
    const metrics = await gateway.metrics();
    const calls = (labels: Record<string, string>) =>
      valueOf(metrics, "mcp_wrapper_calls_total", { server: "files", ...labels });
    expect(calls({ method: "tools/call", item: "read", outcome: "ok" })).toBe(4);
    expect(calls({ item: "fail", outcome: "tool_error" })).toBe(1);
    expect(calls({ method: "prompts/get", item: "greet", outcome: "ok" })).toBe(1);
    // The URIs of resources are no labels: a template has any number of them.
    expect(calls({ method: "resources/read", item: "", outcome: "ok" })).toBe(1);
    expect(valueOf(metrics, "mcp_wrapper_calls_total", { server: "", method: "tools/list" })).toBe(
      1,
    );
    const took = { server: "files", method: "tools/call", item: "read" };
    expect(valueOf(metrics, "mcp_wrapper_call_duration_seconds_count", took)).toBe(4);
    expect(valueOf(metrics, "mcp_wrapper_call_duration_seconds_bucket", { ...took, le: "+Inf" }))
      .toBe(4);
  });

  test("that run, sessions, streams and requests are what they are at the moment", async () => {
    const files = createFakeUpstream("files", { tools: [tool("wait")] });
    let finish: () => void = () => {};
    const held = new Promise<void>((resolve) => finish = resolve);
    files.script(async () => {
      await held;
      return text("done");
    });
    const gateway = await start({ servers: { files } });
    const session = await gateway.connect("ann");
    const stream = await session.listen();
    const calling = session.request("tools/call", { name: "files__wait", arguments: {} });
    await until("the call", () => files.opened.length === 1);
    const metrics = await gateway.metrics();
    const now = (name: string, labels = {}) => valueOf(metrics, `mcp_wrapper_${name}`, labels);
    expect(now("calls_running")).toBe(1);
    expect(now("server_calls_open", { server: "files" })).toBe(1);
    expect(now("sessions")).toBe(1);
    expect(now("sessions_in_memory")).toBe(1);
    expect(now("streams", { kind: "standalone" })).toBe(1);
    expect(now("streams", { kind: "listen" })).toBe(0);
    expect(now("http_requests_total")).toBe(4);
    expect(now("clients_connected_total", { revision: "2025-11-25" })).toBe(1);
    expect(now("server_state", { server: "files", state: "idle" })).toBe(1);
    expect(now("server_state", { server: "files", state: "running" })).toBe(0);
    expect(now("memory_resident_bytes")).toBeGreaterThan(1_000_000);
    expect(now("memory_heap_bytes")).toBeGreaterThan(100_000);
    finish();
    await calling;
    await stream.body?.cancel();
    const after = await gateway.metrics();
    expect(valueOf(after, "mcp_wrapper_calls_running")).toBe(0);
    expect(valueOf(after, "mcp_wrapper_server_calls_open")).toBe(0);
  });

  test("that wait for their client to return are counted while they do", async () => {
    const files = createFakeUpstream("files", { tools: [tool("ask")] });
    files.script(async (source) => {
      const params = { mode: "form", message: "?", requestedSchema: { type: "object" } };
      await source.ask("elicitation/create", params as JsonObject);
      return text("done");
    });
    const gateway = await start({ servers: { files } });
    const meta = { clientCapabilities: { elicitation: { form: {} } } };
    const params = { name: "files__ask", arguments: {} };
    const answer = await gateway.ask("ann", "tools/call", params, { meta });
    expect(answer.text).toContain("input_required");
    const metrics = await gateway.metrics();
    expect(valueOf(metrics, "mcp_wrapper_calls_parked")).toBe(1);
    expect(valueOf(metrics, "mcp_wrapper_calls_total", { item: "ask", outcome: "paused" })).toBe(1);
  });

  test("that the access rows deny are counted as denied, and refused requests by their code", async () => {
    const files = createFakeUpstream("files", { tools: [tool("read"), tool("write")] });
    const access = [{ servers: ["files"], tools: ["read"], what: "allow" }];
    const gateway = await start({ servers: { files }, access });
    const session = await gateway.connect("ann");
    await session.request("tools/list");
    await session.request("tools/call", { name: "files__write", arguments: {} });
    await session.request("no/such");
    await gateway.send("stranger", "POST", "/mcp", { body: {} });
    const metrics = await gateway.metrics();
    const denied = { server: "files", item: "write", outcome: "denied" };
    expect(valueOf(metrics, "mcp_wrapper_calls_total", denied)).toBe(1);
    expect(valueOf(metrics, "mcp_wrapper_calls_refused_total", { code: "method_not_found" })).toBe(
      1,
    );
    expect(
      valueOf(metrics, "mcp_wrapper_http_requests_refused_total", { code: "unauthenticated" }),
    ).toBe(1);
  });
});

describe("a label", () => {
  test("is never what a client invents: tool, prompt, resource or method", async () => {
    const files = createFakeUpstream("files", { tools: [tool("read")], prompts: [{ name: "p" }] });
    files.reply = (call) => ({
      read(sink) {
        if (call.params["name"] === "read") return sink?.({ kind: "result", value: text("ok") });
        sink?.({ kind: "failure", error: new GatewayError("invalid_params", "Unknown") });
      },
      answer: () => false,
      cancel: () => {},
    });
    const gateway = await start({ servers: { files }, names: "bare" });
    // The only server of a URL gets names that it does not list.
    for (const path of ["/mcp", "/servers/files/mcp"]) {
      const session = await gateway.connect("ann", { path });
      for (let count = 0; count < 20; count += 1) {
        const name = `invented_${count}`;
        await session.request("tools/call", { name, arguments: {} });
        await session.request("prompts/get", { name });
        await session.request("resources/read", { uri: `invented://${count}` });
        await session.request(`invented/${count}`);
        await gateway.ask("ann", "tools/call", { name, arguments: {} }, { path });
      }
      await session.request("tools/call", { name: "read", arguments: {} });
    }
    const said = await gateway.gateway.metrics() ?? "";
    expect(said).not.toContain("invented");
    expect(await itemsOf(gateway, "files")).toEqual(["", "other", "read"]);
    expect(files.opened.some(({ params }) => params["name"] === "invented_7")).toBe(true);
  });

  test("is given to so many tools of a server, and of all servers together; the rest share one", async () => {
    const names = Array.from({ length: 8 }, (_, at) => `tool_${at}`);
    const servers = Object.fromEntries(
      ["one", "two", "three"].map((name) => {
        const fake = createFakeUpstream(name, { tools: names.map(tool) });
        fake.script(() => Promise.resolve(text("ok")));
        return [name, fake];
      }),
    );
    const limits = { metricItemsMax: 3, metricItemsTotalMax: 7 };
    const gateway = await start({ servers, limits });
    const session = await gateway.connect("ann");
    for (const server of Object.keys(servers)) {
      for (const name of names) {
        const answer = await session.request("tools/call", { name: `${server}__${name}` });
        expect(answer.error).toBeUndefined();
      }
    }
    const own = ["other", "tool_0", "tool_1", "tool_2"];
    expect(await itemsOf(gateway, "one")).toEqual(own);
    expect(await itemsOf(gateway, "two")).toEqual(own);
    expect(await itemsOf(gateway, "three")).toEqual(["other", "tool_0"]);
    const metrics = await gateway.metrics();
    const rest = { server: "three", item: "other", outcome: "ok" };
    expect(valueOf(metrics, "mcp_wrapper_calls_total", rest)).toBe(7);
  });

  test("may hold any characters of a server's own name for its tool", async () => {
    const name = 'evil"} 1\nmcp_wrapper_calls_total{x="\\';
    const files = createFakeUpstream("files", { tools: [tool(name)] });
    files.script(() => Promise.resolve(text("ok")));
    const gateway = await start({ servers: { files }, names: "bare" });
    const session = await gateway.connect("ann");
    const { tools } = (await session.request("tools/list")).result as unknown as {
      tools: { name: string }[];
    };
    await session.request("tools/call", { name: tools[0]?.name ?? name, arguments: {} });
    // The strict reader throws where a label breaks out of its line.
    const samples = (await gateway.metrics()).get("mcp_wrapper_calls_total")?.samples ?? [];
    expect(samples.every(({ labels }) => !("x" in labels))).toBe(true);
  });
});

test("no name of a server's makes the text long", async () => {
  const names = ["x".repeat(100_000), "read"];
  const files = createFakeUpstream("files", { tools: names.map(tool) });
  files.script(() => Promise.resolve(text("ok")));
  const gateway = await start({ servers: { files } });
  // A client with a limit gets short names of long tools.
  const session = await gateway.connect("ann", { client: "cursor-vscode", revision: "invented" });
  const { tools } = (await session.request("tools/list")).result as unknown as {
    tools: { name: string }[];
  };
  for (const { name } of tools) {
    expect((await session.request("tools/call", { name, arguments: {} })).error).toBeUndefined();
  }
  expect(await itemsOf(gateway, "files")).toEqual(["other", "read"]);
  const said = await gateway.gateway.metrics() ?? "";
  expect(said.length).toBeLessThan(50_000);
  expect(said).not.toContain("invented");
});

test("no two series are alike, whatever a server calls its tools", async () => {
  const names = ["", "other", "unlisted"];
  const files = createFakeUpstream("files", { tools: ["", "other", "read"].map(tool) });
  files.script(() => Promise.resolve(text("ok")));
  const gateway = await start({ servers: { files }, names: "bare" });
  const session = await gateway.connect("ann");
  await session.request("tools/list");
  for (const name of [...names, "read"]) {
    await session.request("tools/call", { name, arguments: {} });
  }
  const said = await gateway.gateway.metrics() ?? "";
  const series = said.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(series.filter((one, at) => series.indexOf(one) !== at)).toEqual([]);
});

test("a server that leaves the configuration takes its series with it, also if a call ends later", async () => {
  const [one, two] = ["one", "two"].map((name) => createFakeUpstream(name, { tools: [tool("t")] }));
  if (one === undefined || two === undefined) throw new Error("No servers");
  two.script(() => Promise.resolve(text("ok")));
  let finish: () => void = () => {};
  const held = new Promise<void>((resolve) => finish = resolve);
  one.script(async () => {
    await held;
    return text("late");
  });
  const gateway = await start({ servers: { one, two } });
  const session = await gateway.connect("ann");
  await session.request("tools/call", { name: "two__t", arguments: {} });
  const late = session.request("tools/call", { name: "one__t", arguments: {} });
  await until("the call", () => one.opened.length === 1);
  expect([...(await gateway.gateway.metrics() ?? "").matchAll(/server="two"/g)].length)
    .toBeGreaterThan(5);
  await gateway.gateway.reload({ ...gateway.config, servers: [] });
  finish();
  await within("the late call", late);
  const said = await gateway.gateway.metrics() ?? "";
  expect(said).not.toMatch(/server="(?:one|two)"/);
  expect(valueOf(readMetrics(said), "mcp_wrapper_calls_running")).toBe(0);
});

test("without metrics in the configuration nothing is collected", async () => {
  const gateway = await start({ servers: {}, config: { metrics: false } });
  expect(gateway.gateway.metrics()).toBeUndefined();
});

describe("H5 GET /metrics on the operator's port", () => {
  let spawned: SpawnedGateway;
  let admin: AdminCalls;

  beforeAll(async () => {
    spawned = await spawnGateway({
      servers: {
        one: { ...hostileCommand(), isolation: "shared" },
        slow: { ...hostileCommand("--list-never=prompts"), isolation: "shared" },
      },
    });
    admin = await openAdminCalls(spawned.directory);
    const session = await openRpcSession(`${spawned.url}/servers/one/mcp`);
    await session.request(1, "tools/list");
    await session.callTool(2, "echo");
    await session.request(3, "tools/call", { name: "no_such_tool", arguments: {} });
    await session.end();
  });
  afterAll(() => spawned?.dispose());

  const scrape = async () => {
    const headers = { authorization: `Bearer ${admin.token("operator")}` };
    const response = await fetch(`${admin.url}/metrics`, { headers });
    return { response, said: await response.text() };
  };

  test("is text in Prometheus' format for the holder of a token, and nothing without one", async () => {
    const { response, said } = await scrape();
    expect([response.status, response.headers.get("content-type")])
      .toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const metrics = readMetrics(said);
    expect([...metrics.keys()].every((name) => name.startsWith("mcp_wrapper_"))).toBe(true);
    expect([...metrics.values()].every(({ help }) => help.endsWith("."))).toBe(true);
    const echoed = { server: "one", item: "echo", outcome: "ok" };
    expect(valueOf(metrics, "mcp_wrapper_calls_total", echoed)).toBe(1);
    expect(valueOf(metrics, "mcp_wrapper_server_connections", { server: "one" })).toBe(1);
    expect(valueOf(metrics, "mcp_wrapper_processes")).toBeGreaterThan(0);
    expect(metrics.get("mcp_wrapper_build_info")?.samples).toHaveLength(1);
    expect(valueOf(metrics, "mcp_wrapper_log_lines_lost_total", { file: "server" })).toBe(0);
    const without = await fetch(`${admin.url}/metrics`);
    expect(without.status).toBe(401);
    await without.body?.cancel();
    // Clients of the gateway find nothing there.
    const elsewhere = await fetch(`${spawned.url}/metrics`);
    expect(elsewhere.status).toBe(404);
    await elsewhere.body?.cancel();
  });

  test("has the name of a tool that was listed while another list is still awaited", async () => {
    const session = await openRpcSession(`${spawned.url}/servers/slow/mcp`);
    await session.request(1, "tools/list");
    await session.callTool(2, "echo");
    await session.end();
    const metrics = readMetrics((await scrape()).said);
    const echoed = { server: "slow", item: "echo", outcome: "ok" };
    expect(valueOf(metrics, "mcp_wrapper_calls_total", echoed)).toBe(1);
  });

  test("measures the lag of the event loop", async () => {
    const lagged = await until("a sample", async () => {
      const metrics = readMetrics((await scrape()).said);
      return valueOf(metrics, "mcp_wrapper_event_loop_lag_seconds_count");
    });
    expect(lagged).toBeGreaterThan(0);
  });

  const promtool = spawnSync("promtool", ["--version"]).status === 0;
  test.skipIf(!promtool)(
    "is accepted by promtool (skipped where it is not installed)",
    async () => {
      const { said } = await scrape();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: said,
        encoding: "utf8",
      });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
    },
  );
});

test("MCP_METRICS=off leaves a sentence in the place of the metrics", async () => {
  const spawned = await spawnGateway({ servers: {}, env: { MCP_METRICS: "off" } });
  try {
    const admin = await openAdminCalls(spawned.directory);
    const { status, code, body } = await admin.call("GET", "/metrics", { as: "operator" });
    expect([status, code]).toEqual([404, "metrics_off"]);
    expect(JSON.stringify(body)).toContain("MCP_METRICS=on");
    expect((await admin.call("GET", "/metrics")).status).toBe(401);
  } finally {
    await spawned.dispose();
  }
});
