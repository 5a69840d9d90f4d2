/** The audit trail: who called what and how it ended, for every call, and never a secret. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../src/errors.ts";
import type { JsonObject, Principal } from "../../src/model.ts";
import type { AccessOptions, AccessSession } from "../support/access_gateway.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";
import {
  type AuditRecord,
  type ObservedGateway,
  startObserved,
} from "../support/observed_gateway.ts";
import { valueOf } from "../support/metric_text.ts";
import { createSeededRandom, testSeed as seed } from "../support/random.ts";
import { until } from "../support/wait.ts";

const people: Record<string, Principal> = { ann: { id: "user:ann" }, ci: { id: "key:ci" } };
const tool = (name: string): JsonObject => ({ name, inputSchema: { type: "object" } });
const text = (said: string): JsonObject => ({ content: [{ type: "text", text: said }] });

/** What is in the configuration, in arguments, in results and in error texts. */
const secrets = ["canary-configured-9d31c07e55", "canary-header-44b0e1f2aa"];

let observed: ObservedGateway | undefined;

async function start(options: Partial<AccessOptions>): Promise<ObservedGateway> {
  return observed = await startObserved({ servers: {}, people, ...options });
}

/** Ends the gateway, so that all records are in the file. */
async function finished(gateway: ObservedGateway): Promise<AuditRecord[]> {
  await gateway.close();
  return gateway.records();
}

afterEach(async () => {
  await observed?.close();
  observed?.remove();
  observed = undefined;
});

/** Two servers, of which one answers well, badly, late or never, and the other cannot start. */
function createServers() {
  const files = createFakeUpstream("files", {
    tools: ["read", "write", "fail", "hang"].map(tool),
    prompts: [{ name: "greet" }],
    resources: [{ uri: "mem://a", name: "a" }],
  });
  let cancel: () => void = () => {};
  const cancelled = new Promise<never>((_, reject) => {
    cancel = () => reject(new GatewayError("cancelled"));
  });
  cancelled.catch(() => {});
  files.script(async (_, { params }) => {
    switch (params["name"] ?? params["uri"]) {
      case "greet":
        return { messages: [] };
      case "mem://a":
        return { contents: [{ uri: "mem://a", text: "a" }] };
      case "fail":
        return { ...text(`Cannot do that with ${secrets[0]}`), isError: true };
      case "hang":
        return await cancelled;
      default:
        return text(`Done, Authorization: Bearer ${secrets[1]}`);
    }
  });
  const broken = createFakeUpstream("broken", { tools: [tool("any")] });
  broken.reply = () => ({
    read: (sink) =>
      sink?.({
        kind: "failure",
        error: new GatewayError("upstream_unavailable", `No ${secrets[0]}`, {
          data: { server: "broken", outcome: "not_sent" },
        }),
      }),
    answer: () => false,
    cancel: () => {},
  });
  return { files, broken, cancel };
}

/** One way to call, and what the trail must say of it. */
interface CallKind {
  readonly method: string;
  readonly params: JsonObject;
  readonly server?: string;
  readonly own?: string;
  readonly outcome: string;
  readonly event?: string;
}

const callKinds: readonly CallKind[] = [
  ...[["read", "ok"], ["fail", "tool_error"], ["write", "denied"]].map((
    [name = "", outcome = ""],
  ) => ({
    method: "tools/call",
    params: { name: `files__${name}` },
    server: "files",
    own: name,
    outcome,
  })),
  { method: "tools/call", params: { name: "files__unknown" }, outcome: "invalid_params" },
  { method: "tools/call", params: { name: "nowhere__any" }, outcome: "invalid_params" },
  {
    method: "tools/call",
    params: { name: "broken__any" },
    server: "broken",
    own: "any",
    outcome: "upstream_unavailable",
  },
  {
    method: "prompts/get",
    params: { name: "files__greet" },
    server: "files",
    own: "greet",
    outcome: "ok",
  },
  { method: "prompts/get", params: { name: "files__none" }, outcome: "invalid_params" },
  {
    method: "resources/read",
    params: { uri: "mem://a" },
    server: "files",
    own: "mem://a",
    outcome: "ok",
  },
  { method: "resources/read", params: { uri: "mem://none" }, outcome: "resource_not_found" },
  { method: "tools/list", params: {}, outcome: "ok" },
  {
    method: "no/such",
    params: {},
    outcome: "method_not_found",
    event: "call_refused",
  },
];

/** A call that its client gives up. */
const givenUp: CallKind = {
  method: "tools/call",
  params: { name: "files__hang" },
  server: "files",
  own: "hang",
  outcome: "cancelled",
};

const nameIn = ({ name, uri }: JsonObject): unknown => name ?? uri;

/** A record without what differs from run to run. */
const toFacts = (record: AuditRecord) => {
  const { event, principal, surface, method, server, item, own, outcome } = record;
  return JSON.stringify({ event, principal, surface, method, server, item, own, outcome });
};

describe(`1,000 calls of all kinds, in both eras (seed ${seed})`, () => {
  test("each have one record with who, what and outcome, and no secret is in it", async () => {
    const random = createSeededRandom(seed);
    const pick = <Value>(values: readonly Value[]): Value =>
      values[Math.floor(random() * values.length)] as Value;
    const { files, broken } = createServers();
    const access = [
      { servers: ["files"], tools: ["write"], what: "deny" },
      { what: "allow" },
    ];
    const gateway = await start({
      servers: { files, broken },
      access,
      config: { secrets },
    });
    const names = Object.keys(people);
    const sessions = new Map<string, AccessSession>();
    for (const name of names) sessions.set(name, await gateway.connect(name));
    const expected: string[] = [];
    const expect1 = (kind: CallKind, person: string) => {
      const { event = "call", method, params, server, own, outcome } = kind;
      const principal = people[person]?.id;
      const item = event === "call" || nameIn(params) !== undefined ? nameIn(params) : undefined;
      expected.push(toFacts({
        event,
        principal,
        surface: "/mcp",
        method,
        server,
        item,
        own,
        outcome,
      }));
    };
    const work = async () => {
      for (; expected.length < 980;) {
        const kind = pick(callKinds);
        const person = pick(names);
        const isModern = random() < 0.5;
        expect1(kind, person);
        const args = { path: `/srv/${expected.length}`, token: pick(secrets), note: pick(secrets) };
        const isNamed = kind.params["name"] !== undefined;
        const params = { ...kind.params, ...(isNamed ? { arguments: args } : {}) };
        if (isModern) await gateway.ask(person, kind.method, params);
        else await sessions.get(person)?.request(kind.method, params);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    // Calls that hang, until their clients give them up.
    for (let count = 0; expected.length < 1_000; count += 1) {
      const person = pick(names);
      const session = sessions.get(person);
      expect1(givenUp, person);
      const id = `given-up-${count}`;
      const before = files.opened.length;
      const message = { jsonrpc: "2.0", id, method: givenUp.method, params: givenUp.params };
      const answer = session?.post(message as JsonObject);
      await until("the call", () => files.opened.length > before);
      await session?.post({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: id },
      });
      await (await answer)?.body?.cancel();
    }
    const records = await finished(gateway);
    const calls = records.filter(({ event }) => event === "call" || event === "call_refused");
    expect(calls.map(toFacts).toSorted()).toEqual(expected.toSorted());
    expect(records.filter((record) => !calls.includes(record))).toEqual([]);
    const numbers = calls.flatMap(({ call }) => call === undefined ? [] : [call]);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const record of calls) {
      expect(record["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(record["instance"]).toBe(gateway.gateway.instance);
    }
    expect(calls.some(({ client }) => JSON.stringify(client)?.includes("test"))).toBe(true);
    const trail = gateway.auditText();
    expect(secrets.filter((secret) => trail.includes(secret))).toEqual([]);
    expect(trail).not.toContain("/srv/");
  });
});

describe("exactly one record", () => {
  const callsOf = (records: readonly AuditRecord[], item: string) =>
    records.filter((record) => record["item"] === item)
      .map(({ event, outcome, own }) => [event, outcome, own]);
  const hang = { name: "files__hang", arguments: {} };
  const message = (id: unknown, method: string, params: JsonObject) =>
    ({ jsonrpc: "2.0", id, method, params }) as JsonObject;

  /** Calls that hang, after which the session ends or the gateway stops. */
  async function startHanging(calls: number) {
    const { files } = createServers();
    const gateway = await start({ servers: { files } });
    const session = await gateway.connect("ann");
    const answers = Array.from(
      { length: calls },
      (_, at) => session.post(message(`hang-${at}`, "tools/call", hang)).catch(() => undefined),
    );
    await until("the calls", () => files.opened.length === calls);
    return { gateway, session, answers };
  }

  test("has a call whose session ends", async () => {
    const { gateway, session, answers } = await startHanging(3);
    const id = String(session.opened.headers.get("mcp-session-id"));
    await gateway.send("ann", "DELETE", "/mcp", { headers: { "mcp-session-id": id } });
    for (const answer of answers) await (await answer)?.body?.cancel();
    expect(callsOf(await finished(gateway), "files__hang").map(([event]) => event))
      .toEqual(["call", "call", "call"]);
  });

  test("has a call that runs when the gateway stops", async () => {
    const { gateway } = await startHanging(3);
    expect(callsOf(await finished(gateway), "files__hang").map(([event]) => event))
      .toEqual(["call", "call", "call"]);
  });

  test("has each item of a batch", async () => {
    const { files } = createServers();
    const gateway = await start({ servers: { files } });
    const session = await gateway.connect("ann", { revision: "2025-03-26" });
    const batch = ["read", "fail", "read"].map((name, at) =>
      message(at + 10, "tools/call", { name: `files__${name}`, arguments: {} })
    );
    const answer = await session.post(batch as unknown as JsonObject);
    await answer.text();
    const records = await finished(gateway);
    expect(records.map(({ item, outcome }) => `${item} ${outcome}`).toSorted()).toEqual([
      "files__fail tool_error",
      "files__read ok",
      "files__read ok",
    ]);
  });

  test("has a tool that is called through the search, under its own name", async () => {
    const { files } = createServers();
    const gateway = await start({ servers: { files } });
    const session = await gateway.connect("ann", { path: "/search/mcp" });
    await session.request("tools/call", {
      name: "call_tool",
      arguments: { name: "files__read", arguments: { path: "/a" } },
    });
    const records = await finished(gateway);
    expect(records.map(({ event, item, own, outcome }) => [event, item, own, outcome])).toEqual([
      ["call", "files__read", "read", "ok"],
    ]);
  });

  test("is one line, whatever the names of tools and clients hold", async () => {
    const names = [
      "a\nb",
      'a\r\n{"event":"call"}',
      "\u2028\u2029\u0085",
      "\ud800",
      "\u0000\u001b[2J",
    ];
    const files = createFakeUpstream("files", { tools: names.map(tool) });
    files.script(() => Promise.resolve(text("ok")));
    const gateway = await start({ servers: { files }, names: "bare" });
    for (const name of names) {
      const session = await gateway.connect("ann", { client: `evil ${name}` });
      await session.request("tools/call", { name, arguments: { [name]: name } });
    }
    const records = await finished(gateway);
    expect(records.length).toBe(names.length);
    const trail = gateway.auditText();
    expect(trail.split(/[\n\r\u2028\u2029\u0085]/).length).toBe(names.length + 1);
    expect(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(trail.replaceAll("\n", ""))).toBe(false);
  });
});

test("equal arguments have equal digests, whatever the order of their members; others have others", async () => {
  const { files } = createServers();
  const gateway = await start({ servers: { files } });
  const given = [
    { path: "/a", options: { deep: [1, { x: 1, y: 2 }] } },
    { options: { deep: [1, { y: 2, x: 1 }] }, path: "/a" },
    { path: "/b", options: { deep: [1, { x: 1, y: 2 }] } },
    { path: "/a", options: { deep: [{ x: 1, y: 2 }, 1] } },
  ];
  for (const args of given) {
    await gateway.ask("ann", "tools/call", { name: "files__read", arguments: args });
  }
  const [one, two, ...rest] = (await finished(gateway)).map((record) => record["argumentsDigest"]);
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(two).toBe(one);
  expect(new Set([one, ...rest]).size).toBe(3);
});

test("the digest depends on the gateway's secret", async () => {
  const digests: unknown[] = [];
  for (
    const secret of ["0123456789abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba9876543210"]
  ) {
    const { files } = createServers();
    const gateway = await start({ servers: { files }, config: { secret } });
    const params = { name: "files__read", arguments: { path: "/a" } };
    await gateway.ask("ann", "tools/call", params);
    digests.push((await finished(gateway))[0]?.["argumentsDigest"]);
    gateway.remove();
  }
  expect(digests[0]).not.toBe(digests[1]);
});

describe("with MCP_AUDIT=arguments a record", () => {
  test("has the arguments, without what is secret by its value or its name", async () => {
    const { files } = createServers();
    const gateway = await start({
      servers: { files },
      config: { audit: "arguments", secrets },
    });
    const args = {
      path: "/srv/a",
      note: `use ${secrets[0]}`,
      password: "hunter2-hunter2",
      deep: [{ api_key: "abcdefgh" }, "line\nbreak\u202e"],
    };
    await gateway.ask("ann", "tools/call", { name: "files__read", arguments: args });
    const [record] = await finished(gateway);
    expect(record?.["arguments"]).toEqual({
      path: "/srv/a",
      note: "use [redacted]",
      password: "[redacted]",
      deep: [{ api_key: "[redacted]" }, "line\nbreak\u202e"],
    });
    // Control characters and marks that turn a line around are escaped in the file (case H4).
    expect(gateway.auditText()).not.toMatch(/\u202e/);
    expect(gateway.auditText().trimEnd().split("\n")).toHaveLength(1);
    expect(record?.["argumentsDigest"]).toBeUndefined();
  });

  test("is bounded, however much the arguments hold", async () => {
    const { files } = createServers();
    const gateway = await start({ servers: { files }, config: { audit: "arguments" } });
    const large = [
      { text: "x".repeat(200_000) },
      { rows: Array.from({ length: 90 }, () => Array.from({ length: 90 }, () => 123_456_789)) },
    ];
    for (const args of large) {
      await gateway.ask("ann", "tools/call", { name: "files__read", arguments: args });
    }
    const records = await finished(gateway);
    expect(records).toHaveLength(2);
    expect(Math.max(...gateway.auditText().split("\n").map((line) => line.length)))
      .toBeLessThan(20_000);
    expect(String(records[1]?.["arguments"])).toMatch(/^\{"rows":\[\[123456789,.*…$/);
  });
});

test("a record of a result has its size, and of a name its own and that of the URL", async () => {
  const { files } = createServers();
  const gateway = await start({ servers: { files }, names: "prefixed" });
  await gateway.ask("ann", "tools/call", { name: "files__read", arguments: {} });
  const [record] = await finished(gateway);
  expect(record).toMatchObject({
    event: "call",
    principal: "user:ann",
    client: { name: "test", version: "1" },
    surface: "/mcp",
    method: "tools/call",
    server: "files",
    item: "files__read",
    own: "read",
    outcome: "ok",
    ms: expect.any(Number),
  });
  const { resultChars } = record ?? {};
  expect(resultChars).toBe(
    JSON.stringify(text(`Done, Authorization: Bearer ${secrets[1]}`)).length,
  );
});

test("the file is private, is rotated by its size, and keeps a number of old ones", async () => {
  const { files } = createServers();
  const limits = { auditBytesMax: 4_000, auditFilesMax: 2, lineBatchCharsMax: 500 };
  const gateway = await start({ servers: { files }, limits });
  for (let count = 0; count < 60; count += 1) {
    await gateway.ask("ann", "tools/call", { name: "files__read", arguments: { count } });
  }
  await gateway.close();
  const folder = join(gateway.folder, "logs");
  const names = readdirSync(folder).filter((name) => name.startsWith("audit.log")).toSorted();
  expect(names).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
  for (const name of names) {
    const { mode, size } = statSync(join(folder, name));
    expect([name, mode & 0o777, size <= 4_000]).toEqual([name, 0o600, true]);
  }
});

test("changes by the operator have records with whose token it was, and what it was about", async () => {
  const { files } = createServers();
  const gateway = await start({ servers: { files } });
  const { admin } = gateway.gateway;
  admin?.open({
    host: "localhost",
    port: 9,
    allowedHosts: [],
    url: "http://127.0.0.1:9000",
    program: {},
    maySpawn: false,
    reload: () => Promise.resolve(),
  });
  const token = readFileSync(join(gateway.folder, "owner.token"), "utf8");
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await admin?.fetch(
      new Request(`http://localhost:9${path}`, {
        method,
        headers: {
          host: "localhost:9",
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const said = await response?.text() ?? "";
    return { status: response?.status, said };
  };
  const added = await send("POST", "/admin/keys", { name: "laptop" });
  expect(added.status).toBe(201);
  await send("PUT", "/admin/servers/web", { url: "http://127.0.0.1:9/mcp", start: "onDemand" });
  await send("POST", "/admin/servers/web/disable", {});
  await send("POST", "/admin/servers/none/disable", {});
  await send("GET", "/admin/servers");
  await send("DELETE", "/admin/keys/laptop");
  const records = await finished(gateway);
  expect(
    records.map(({ event, role, method, path, name }) => [event, role, method, path, name]),
  ).toEqual([
    ["operator_change", "owner", "POST", "/admin/keys", "laptop"],
    ["operator_change", "owner", "PUT", "/admin/servers/:name", "web"],
    ["operator_change", "owner", "POST", "/admin/servers/:name/disable", "web"],
    ["operator_change", "owner", "DELETE", "/admin/keys/:name", "laptop"],
  ]);
  const key = String(JSON.parse(added.said)["key"]);
  expect(key.length).toBeGreaterThan(20);
  expect(gateway.auditText()).not.toContain(key);
});

test("a disk that takes nothing costs records, which are counted and reported, and no call", async () => {
  const { files } = createServers();
  const lines: string[] = [];
  const gateway = await start({
    servers: { files },
    limits: { auditGatherMs: 0 },
    console: (line) => lines.push(line),
  });
  const path = join(gateway.folder, "logs", "audit.log");
  // A folder in the place of the file, which is opened for the first record.
  mkdirSync(path, { recursive: true });
  const call = async () => {
    const params = { name: "files__read", arguments: {} };
    expect((await gateway.ask("ann", "tools/call", params)).error).toBeUndefined();
  };
  for (let count = 0; count < 3; count += 1) await call();
  await until(
    "the lost records",
    async () =>
      valueOf(await gateway.metrics(), "mcp_wrapper_log_lines_lost_total", { file: "audit" }) === 3,
  );
  expect(lines.filter((line) => line.includes("Cannot write all audit records"))).toHaveLength(1);
  rmdirSync(path);
  await call();
  const records = await finished(gateway);
  expect(records.map(({ event, lost }) => [event, lost])).toEqual([
    ["call", undefined],
    ["records_lost", 3],
  ]);
});

test("MCP_AUDIT=off writes no file", async () => {
  const { files } = createServers();
  const gateway = await start({ servers: { files }, config: { audit: "off" } });
  await gateway.ask("ann", "tools/call", { name: "files__read", arguments: {} });
  await gateway.close();
  expect(readdirSync(join(gateway.folder, "logs"))).toEqual(["server.log"]);
});

test("without a data folder there is no audit trail, and the log says so", async () => {
  const lines: string[] = [];
  const gateway = await start({
    config: { dataDirectory: ":memory:" },
    tables: {},
    console: (line) => lines.push(line),
  });
  expect(gateway.gateway.metrics()).toBeDefined();
  expect(lines.join("\n")).toContain("no place for audit.log");
});
