/**
 * The admin API of a real gateway: what it refuses, what each token may do, and what it changes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AdminCalls, openAdminCalls } from "../support/admin_calls.ts";
import { openRawSocket } from "../support/raw_socket.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { until } from "../support/wait.ts";

let gateway: SpawnedGateway;
let admin: AdminCalls;

const program = (directory: string) =>
  programCommand("test/support/counting_child.ts", [join(directory, "calls.txt")]);
const remote = { url: "http://127.0.0.1:9/mcp", start: "onDemand" };
/** A program of the gateway's own folder, which no test starts. */
const local = { command: "/bin/cat", start: "onDemand" };

beforeAll(async () => {
  gateway = await spawnGateway({
    prepare(directory) {
      const mcpServers = { counting: program(directory) };
      writeFileSync(join(directory, "mcp.json"), JSON.stringify({ mcpServers }));
    },
  });
  admin = await openAdminCalls(gateway.directory);
});
afterAll(() => gateway.dispose());

/** The status of a request with exactly these headers. */
async function rawAnswer(lines: readonly string[], body = ""): Promise<string> {
  const socket = await openRawSocket(admin.port);
  try {
    const length = body === "" ? [] : [`Content-Length: ${body.length}`];
    socket.send([...lines, ...length, "Connection: close", "", body].join("\r\n"));
    return await socket.closed();
  } finally {
    socket.destroy();
  }
}

/** Every route, with a body that it would take. */
const routes: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["GET", "/admin/status"],
  ["GET", "/admin/servers"],
  ["GET", "/admin/servers/counting"],
  ["PUT", "/admin/servers/refused", remote],
  ["DELETE", "/admin/servers/refused"],
  ["POST", "/admin/servers/counting/enable", {}],
  ["POST", "/admin/servers/counting/disable", {}],
  ["POST", "/admin/servers/counting/restart", {}],
  ["GET", "/admin/profiles"],
  ["GET", "/admin/profiles/refused"],
  ["PUT", "/admin/profiles/refused", { servers: [] }],
  ["DELETE", "/admin/profiles/refused"],
  ["GET", "/admin/tools/changes"],
  ["POST", "/admin/servers/counting/tools/approve", {}],
  ["POST", "/admin/reload", {}],
  ["POST", "/admin/backup", { file: "/none/refused.db" }],
  ["GET", "/admin/attach"],
  ["GET", "/metrics"],
  ["GET", "/admin/sessions"],
  ["GET", "/admin/calls"],
  ["PUT", "/admin/calls/arguments", { shown: true }],
  ["GET", "/admin/log"],
  ["GET", "/admin/connect"],
  ["GET", "/admin/events"],
  ["POST", "/admin/page/link", {}],
  ["DELETE", "/admin/page/token"],
  ["POST", "/admin/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }],
  ["GET", "/admin/mcp"],
  ["DELETE", "/admin/mcp"],
  ["POST", "/admin/servers/counting/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }],
  ["GET", "/admin/servers/counting/mcp"],
  ["DELETE", "/admin/servers/counting/mcp"],
];

describe("H5 the admin API refuses", () => {
  test("every route without a token, and with a wrong one", async () => {
    for (
      const [method, path, body] of [...routes, ["POST", "/admin"], ["GET", "/admin/x"]] as const
    ) {
      const challenge = 'Bearer realm="mcp-wrapper admin"';
      const without = await admin.call(method, path, { body });
      expect([path, without.status, without.code]).toEqual([path, 401, "unauthenticated"]);
      expect(without.headers.get("www-authenticate")).toBe(challenge);
      for (const token of ["wrong", admin.token("owner").slice(1), "x".repeat(43)]) {
        const wrong = await admin.call(method, path, { body, token });
        expect([path, wrong.status, wrong.code]).toEqual([path, 401, "unauthenticated"]);
        expect(wrong.headers.get("www-authenticate")).toBe(`${challenge}, error="invalid_token"`);
      }
    }
  });

  test("a foreign Host and a name of DNS rebinding, on every route, with a token too", async () => {
    const hosts = [
      "evil.example",
      `evil.example:${admin.port}`,
      `localhost.evil:${admin.port}`,
      `127.0.0.1.evil.example:${admin.port}`,
      "localhost:1",
    ];
    const token = `Authorization: Bearer ${admin.token("owner")}`;
    const nonce = "GET /admin/hello?nonce=0123456789abcdef HTTP/1.1";
    const first = routes.map(([method, path]) => `${method} ${path} HTTP/1.1`);
    for (const line of [nonce, ...first]) {
      for (const host of hosts) {
        const answer = await rawAnswer([line, `Host: ${host}`, token]);
        expect([line, host, answer.split("\r\n")[0]]).toEqual([
          line,
          host,
          "HTTP/1.1 403 Forbidden",
        ]);
        expect(answer).toContain('"code":"host_forbidden"');
        expect(answer).toContain("use the URL in gateway.json");
      }
    }
    const own = await rawAnswer([nonce, `Host: localhost:${admin.port}`]);
    expect(own.split("\r\n")[0]).toBe("HTTP/1.1 200 OK");
  });

  test("a foreign Origin on every route, and gives no browser leave to read", async () => {
    const origins = ["https://evil.example", `http://localhost:${gateway.port}`, "null"];
    const all = [...routes, ["GET", "/admin/hello?nonce=0123456789abcdef"]] as const;
    for (const [method, path, body] of all) {
      for (const origin of origins) {
        const headers = { origin };
        const answer = await admin.call(method, path, { as: "owner", body, headers });
        expect([path, answer.status, answer.code]).toEqual([path, 403, "origin_forbidden"]);
      }
    }
    const own = await admin.call("GET", "/admin/status", {
      as: "owner",
      headers: { origin: `http://localhost:${admin.port}` },
    });
    expect(own.status).toBe(200);
    const preflight = await admin.call("OPTIONS", "/admin/status", {
      headers: { origin: `http://localhost:${admin.port}`, "access-control-request-method": "PUT" },
    });
    expect(preflight.status).toBe(401);
    for (const { headers } of [own, preflight]) {
      const names = [...headers.keys()];
      expect(names.filter((name) => /^access-control-|^set-cookie$/.test(name))).toEqual([]);
    }
  });

  test("form posts and every other body that a page may send without asking", async () => {
    const types = [
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/plain",
      "application/json; charset=utf-16",
    ];
    for (const [method, path] of routes.filter(([, , body]) => body !== undefined)) {
      for (const type of types) {
        const headers = { "content-type": type };
        const answer = await admin.call(method, path, { as: "owner", body: "{}", headers });
        expect([path, type, answer.status]).toEqual([path, type, 415]);
      }
    }
    const headers = { "content-type": "text/plain" };
    const removal = await admin.call("DELETE", "/admin/servers/x", { as: "owner", headers });
    expect([removal.status, removal.code]).toEqual([415, "media_type_unsupported"]);
    const bare = await admin.call("POST", "/admin/reload", { as: "owner" });
    expect([bare.status, bare.code]).toEqual([415, "media_type_unsupported"]);
  });

  test("bodies that are no JSON, of another form, or too large", async () => {
    const put = (path: string, body: unknown) => admin.call("POST", path, { as: "owner", body });
    const codes = [
      await put("/admin/reload", "{"),
      await put("/admin/reload", { now: true }),
      await put("/admin/backup", {}),
      await put("/admin/backup", { file: 7 }),
      await put("/admin/backup", { file: "/tmp/x", mode: 1 }),
      await admin.call("PUT", "/admin/servers/x", { as: "owner", body: [] }),
      await admin.call("PUT", "/admin/servers/x", { as: "owner", body: { command: 7 } }),
      await put("/admin/reload", { pad: "x".repeat(1024 * 1024) }),
    ].map(({ status, code }) => `${status} ${code}`);
    expect(codes).toEqual([
      "400 parse_error",
      ...Array.from({ length: 6 }, () => "400 invalid"),
      "413 body_too_large",
    ]);
  });

  test("the operator's token for what starts programs or shows this machine", async () => {
    const entries = [
      local,
      { command: "sh", args: ["-c", "id"] },
      { type: "stdio", command: "sh" },
      { ...remote, command: "sh" },
      { ...remote, headers: { "x-key": "${HOME}" } },
      { ...remote, credentials: { type: "bearer", token: { file: "/etc/hostname" } } },
      { openapi: "/etc/hostname" },
      { recipe: "coingecko", baseUrl: "http://127.0.0.1:9" },
      {},
    ];
    for (const body of entries) {
      const answer = await admin.call("PUT", "/admin/servers/o", { as: "operator", body });
      expect([body, answer.status, answer.code]).toEqual([body, 403, "owner_only"]);
    }
    await admin.call("PUT", "/admin/servers/own", { as: "owner", body: local });
    const replaced = await admin.call("PUT", "/admin/servers/own", {
      as: "operator",
      body: remote,
    });
    const removed = await admin.call("DELETE", "/admin/servers/own", { as: "operator" });
    expect([replaced.code, removed.code]).toEqual(["owner_only", "owner_only"]);
    expect((await admin.call("DELETE", "/admin/servers/own", { as: "owner" })).status).toBe(200);
    for (
      const [method, path, body] of routes.filter(([, path]) => /backup|attach|link/.test(path))
    ) {
      const answer = await admin.call(method, path, { as: "operator", body });
      expect([path, answer.status, answer.code]).toEqual([path, 403, "owner_only"]);
    }
  });

  test("paths and methods that it does not have", async () => {
    const codes = [];
    for (
      const [method, path] of [
        ["GET", "/admin/page"],
        ["GET", "/mcp"],
        ["GET", "/admin//status"],
        ["GET", "/admin/servers/counting/../../status"],
        ["GET", "/admin/servers/%2e%2e/x"],
        ["DELETE", "/admin/status"],
        ["GET", "/admin/reload"],
        ["POST", "/admin/hello?nonce=0123456789abcdef"],
      ] as const
    ) {
      const { status, code } = await admin.call(method, path, { as: "owner" });
      codes.push(`${status} ${code}`);
    }
    expect(codes).toEqual([
      "404 path_unknown",
      "404 path_unknown",
      "404 path_unknown",
      "200 undefined",
      "404 path_unknown",
      "405 method_not_allowed",
      "405 method_not_allowed",
      "405 method_not_allowed",
    ]);
  });
});

describe("the admin API", () => {
  test("proves by hello that it has the owner's token, and shows nothing else", async () => {
    const nonce = "a-nonce_of-the-client";
    const { status, body } = await admin.call("GET", `/admin/hello?nonce=${nonce}`);
    const proof = createHmac("sha256", admin.token("owner")).update(nonce).digest("hex");
    expect([status, body]).toEqual([200, { proof }]);
    for (const wrong of ["", "short", "x".repeat(129), "a%20nonce%20with%20spaces"]) {
      const answer = await admin.call("GET", `/admin/hello?nonce=${wrong}`);
      expect([wrong, answer.status, answer.code]).toEqual([wrong, 400, "invalid"]);
    }
  });

  test("shows both tokens' holders the gateway and its servers", async () => {
    for (const as of ["owner", "operator"] as const) {
      const { body } = await admin.call("GET", "/admin/status", { as });
      expect(body).toMatchObject({
        version: "0.1.0",
        pid: gateway.pid,
        url: gateway.url,
        adminUrl: admin.url,
        config: join(gateway.directory, "mcp.json"),
        data: join(gateway.directory, "data"),
        servers: [{ name: "counting", kind: "stdio", source: "file", enabled: true }],
      });
      expect(body["runtime"]).toMatch(/^(?:Bun|Deno|Node) \d/i);
      expect(Date.parse(String(body["startedAt"]))).toBeGreaterThan(0);
      expect(JSON.stringify(body)).not.toContain(admin.token("owner"));
    }
    const one = await admin.call("GET", "/admin/servers/counting", { as: "operator" });
    expect(one.body).toMatchObject({ name: "counting", calls: 0 });
    const none = await admin.call("GET", "/admin/servers/none", { as: "operator" });
    expect([none.status, none.code]).toEqual([404, "unknown"]);
  });

  test("adds, disables, enables, restarts and removes a server, and keeps it on disk", async () => {
    const path = "/admin/servers/a%20server";
    const owner = { as: "owner" } as const;
    const added = await admin.call("PUT", path, { ...owner, body: local });
    expect([added.status, added.body]).toMatchObject([
      201,
      { isNew: true, warnings: [], server: { name: "a server", source: "registry" } },
    ]);
    const again = await admin.call("PUT", path, { ...owner, body: { ...local, nonsense: 1 } });
    expect([again.status, again.body["isNew"]]).toEqual([200, false]);
    expect(String(again.body["warnings"])).toContain("nonsense");
    const off = await admin.call("POST", `${path}/disable`, { as: "operator", body: {} });
    expect(off.body).toMatchObject({ name: "a server", enabled: false, state: "disabled" });
    const restarted = await admin.call("POST", `${path}/restart`, { as: "operator", body: {} });
    expect([restarted.status, restarted.code]).toEqual([409, "disabled"]);
    const on = await admin.call("POST", `${path}/enable`, { as: "operator", body: {} });
    expect(on.body).toMatchObject({ name: "a server", enabled: true });
    expect((await admin.call("POST", `${path}/restart`, { ...owner, body: {} })).status).toBe(200);
    await gateway.kill9();
    await gateway.restart();
    admin = await until("the file of the next start", async () => {
      const found = await openAdminCalls(gateway.directory).catch(() => undefined);
      const answer = await found?.call("GET", path, owner).catch(() => undefined);
      return answer?.status === 200 ? found : undefined;
    });
    expect((await admin.call("DELETE", path, owner)).body).toEqual({ name: "a server" });
    expect((await admin.call("DELETE", path, owner)).code).toBe("unknown");
  });

  test("adds, replaces and removes a profile by either token, and keeps it on disk", async () => {
    const path = "/admin/profiles/a%20profile";
    const operator = { as: "operator" } as const;
    const entry = { servers: { counting: { tools: ["count"] } } };
    const added = await admin.call("PUT", path, { ...operator, body: entry });
    const profile = {
      name: "a profile",
      source: "registry",
      url: `${gateway.url}/profiles/a%20profile/mcp`,
      entry,
    };
    expect([added.status, added.body]).toEqual([201, { profile, isNew: true, warnings: [] }]);
    const wrong = await admin.call("PUT", path, { ...operator, body: { servers: 5 } });
    expect([wrong.status, wrong.code]).toEqual([400, "invalid"]);
    const next = { servers: ["counting", "nothing"], nonsense: 1 };
    const again = await admin.call("PUT", path, { as: "owner", body: next });
    expect([again.status, again.body["isNew"]]).toEqual([200, false]);
    expect(String(again.body["warnings"])).toMatch(/nonsense.*names server "nothing"/s);
    const calls = { ...operator, body: { jsonrpc: "2.0", id: 1, method: "tools/list" } };
    expect((await admin.call("POST", `${path}/mcp`, calls)).status).not.toBe(404);
    await gateway.kill9();
    await gateway.restart();
    admin = await until("the file of the next start", async () => {
      const found = await openAdminCalls(gateway.directory).catch(() => undefined);
      const answer = await found?.call("GET", path, operator).catch(() => undefined);
      return answer?.status === 200 ? found : undefined;
    });
    const all = await admin.call("GET", "/admin/profiles", operator);
    const url = `${gateway.url}/profiles/a%20profile/mcp`;
    expect(all.body).toEqual({
      profiles: [{ ...profile, url, entry: next, missing: ["nothing"] }],
    });
    const { body: status } = await admin.call("GET", "/admin/status", operator);
    expect(status["profiles"]).toEqual(all.body["profiles"]);
    expect((await admin.call("DELETE", path, operator)).body).toEqual({ name: "a profile" });
    expect((await admin.call("DELETE", path, operator)).code).toBe("unknown");
    expect((await admin.call("GET", path, operator)).code).toBe("unknown");
  });

  test("the operator may add a remote server that shows nothing of this machine", async () => {
    const added = await admin.call("PUT", "/admin/servers/away", { as: "operator", body: remote });
    expect(added.status).toBe(201);
    expect((await admin.call("DELETE", "/admin/servers/away", { as: "operator" })).status).toBe(
      200,
    );
  });

  test("a server of mcp.json is changed in its file alone, which the answer names", async () => {
    const path = "/admin/servers/counting";
    const owner = { as: "owner" } as const;
    for (
      const answer of [
        await admin.call("PUT", path, { ...owner, body: remote }),
        await admin.call("DELETE", path, owner),
        await admin.call("POST", `${path}/disable`, { ...owner, body: {} }),
      ]
    ) {
      expect([answer.status, answer.code]).toEqual([409, "in_file"]);
      expect(JSON.stringify(answer.body)).toContain(join(gateway.directory, "mcp.json"));
    }
  });

  test("reload reads mcp.json at once, and says why it cannot", async () => {
    const file = join(gateway.directory, "mcp.json");
    const before = readFileSync(file, "utf8");
    const reload = () => admin.call("POST", "/admin/reload", { as: "operator", body: {} });
    const servers = { ...JSON.parse(before).mcpServers, second: local };
    writeFileSync(file, JSON.stringify({ mcpServers: servers }));
    const names = (value: unknown) => (value as { name: string }[]).map(({ name }) => name);
    expect(names((await reload()).body["servers"])).toEqual(["counting", "second"]);
    writeFileSync(file, "{ broken");
    const broken = await reload();
    expect([broken.status, broken.code]).toEqual([409, "reload_failed"]);
    expect(JSON.stringify(broken.body)).toContain("mcp.json");
    writeFileSync(file, before);
    expect(names((await reload()).body["servers"])).toEqual(["counting"]);
  });

  test("backup makes a private copy of the database that can be opened", async () => {
    await admin.call("PUT", "/admin/servers/kept", { as: "owner", body: local });
    const file = join(gateway.directory, "copy.db");
    const backup = (path: string) =>
      admin.call("POST", "/admin/backup", { as: "owner", body: { file: path } });
    const made = await backup(file);
    expect([made.status, made.body]).toEqual([201, { file }]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const database = (await createTestRuntime()).openDatabase(file);
    expect(database.prepare("SELECT name FROM registry").all()).toEqual([{ name: "kept" }]);
    database.close();
    const refusals = [
      [file, "the file exists"],
      ["copy.db", "expected an absolute path"],
      [join(gateway.directory, "none/copy.db"), "its folder does not exist"],
    ] as const;
    for (const [path, reason] of refusals) {
      const refused = await backup(path);
      expect([path, refused.status, refused.code]).toEqual([path, 409, "backup_failed"]);
      expect(JSON.stringify(refused.body)).toContain(reason);
    }
    await admin.call("DELETE", "/admin/servers/kept", { as: "owner" });
  });
});
