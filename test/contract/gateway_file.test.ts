/**
 * How other programs find a running gateway: the file `gateway.json`, the ports of the admin API, and
 * a gateway that stops with the programs that it was started for.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileOf, findGateway, openAdminCalls } from "../support/admin_calls.ts";
import { sendSignal } from "../support/processes.ts";
import { rawStatus } from "../support/raw_socket.ts";
import { programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

let folders: string[] = [];
let programs: Program[] = [];

beforeEach(() => {
  folders = [];
  programs = [];
});
afterEach(async () => {
  for (const { child } of programs) sendSignal(child.pid, "SIGKILL");
  await Promise.all(programs.map(({ code }) => code));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Program {
  readonly child: ChildProcess;
  /** All that it wrote. */
  text(): string;
  readonly code: Promise<number | null>;
}

/** An empty folder with a configuration without servers. */
function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "gateway-file-")));
  writeFileSync(join(folder, "mcp.json"), '{"mcpServers": {}}');
  folders.push(folder);
  return folder;
}

function start(
  folder: string,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Program {
  const { command, args } = programCommand(`src/main/${thisRuntime}.ts`, flags, thisRuntime);
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const base = {
    PATH,
    HOME,
    NO_COLOR: "1",
    MCP_PORT: "0",
    MCP_DATA_DIR: join(folder, "data"),
    MCP_CONFIG: join(folder, "mcp.json"),
    ...(DENO_DIR ? { DENO_DIR } : {}),
  };
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...base, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const output of [child.stdout, child.stderr]) output?.on("data", (chunk) => text += chunk);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const program = { child, text: () => text, code };
  programs.push(program);
  return program;
}

const served = (program: Program) =>
  until("the gateway to serve", () => /Serving MCP at (http:\S+)\/mcp/.exec(program.text())?.[1])
    .catch((fault) => {
      throw new Error(`${fault.message}\n${program.text()}`);
    });

/** The gateway's file once this program has written it. */
const written = (folder: string, program: Program) =>
  until("its own gateway.json", async () => {
    const found = await findGateway(folder);
    return found.pid === program.child.pid && found;
  });

/** The same of a program that also says on its console that it serves. */
async function announced(folder: string, program: Program) {
  await served(program);
  return await written(folder, program);
}

test("gateway.json says where a gateway is, and goes with it; a killed one's is replaced", async () => {
  const folder = makeFolder();
  const first = start(folder);
  const url = await served(first);
  const found = await announced(folder, first);
  expect(found).toMatchObject({ pid: first.child.pid, url, version: "0.1.0" });
  expect(first.text()).toContain(`admin=${found.adminUrl}`);
  expect(statSync(fileOf(folder)).mode & 0o777).toBe(0o600);
  for (const name of ["owner", "operator"]) {
    expect(statSync(join(folder, `data/${name}.token`)).mode & 0o777).toBe(0o600);
  }
  const tokens = ["owner", "operator"].map((name) =>
    readFileSync(join(folder, `data/${name}.token`), "utf8")
  );
  expect(new Set(tokens).size).toBe(2);

  sendSignal(first.child.pid, "SIGKILL");
  await within("the gateway to be gone", first.code);
  expect(existsSync(fileOf(folder))).toBe(true);

  const second = start(folder);
  const next = await announced(folder, second);
  expect(next.instance).not.toBe(found.instance);
  const kept = ["owner", "operator"].map((name) =>
    readFileSync(join(folder, `data/${name}.token`), "utf8")
  );
  expect(kept).toEqual(tokens);
  for (const token of tokens) expect(second.text()).not.toContain(token);

  sendSignal(second.child.pid, "SIGTERM");
  expect(await within("the gateway to stop", second.code)).toBe(0);
  expect(existsSync(fileOf(folder))).toBe(false);
});

test("two gateways have admin ports of their own, and their own proofs", async () => {
  const homes = [makeFolder(), makeFolder()];
  for (const home of homes) await announced(home, start(home));
  const [one, other] = await Promise.all(homes.map(openAdminCalls));
  expect(one?.port).not.toBe(other?.port);
  const hello = "/admin/hello?nonce=0123456789abcdef";
  const proofs = await Promise.all([one?.call("GET", hello), other?.call("GET", hello)]);
  expect(proofs[0]?.body["proof"]).not.toBe(proofs[1]?.body["proof"]);
  const strange = one?.token("owner") ?? "";
  expect((await other?.call("GET", "/admin/status", { token: strange }))?.status).toBe(401);
});

test("an admin port that was set and is taken stops the start, and leaves nothing open", async () => {
  const folder = makeFolder();
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const { port } = holder.address() as AddressInfo;
  const program = start(folder, { MCP_ADMIN_PORT: String(port) });
  expect(await within("the program to end", program.code)).toBe(1);
  expect(program.text().trim()).toMatch(
    /^Cannot listen on "127\.0\.0\.1:\d+": the address is in use; stop [^\n]+ MCP_ADMIN_PORT$/,
  );
  expect(existsSync(fileOf(folder))).toBe(false);
  await new Promise((resolve) => holder.close(resolve));
  const next = await announced(folder, start(folder, { MCP_ADMIN_PORT: String(port) }));
  expect(next.adminUrl).toBe(`http://127.0.0.1:${port}`);
});

test("MCP_ADMIN=off: the file names no admin API, and settings without effect are named", async () => {
  const folder = makeFolder();
  const program = start(folder, { MCP_ADMIN: "off", MCP_ADMIN_SPAWN: "on" });
  const found = await announced(folder, program);
  expect(found.adminUrl).toBeUndefined();
  expect(program.text()).not.toContain("admin=");
  await until("the warning", () =>
    program.text().includes(
      "MCP_ADMIN_SPAWN has no effect: the admin API is off, since MCP_ADMIN=off",
    ));
});

test("without a data folder there are no tokens, no admin API and no file", async () => {
  const folder = makeFolder();
  const program = start(folder, { MCP_DATA_DIR: ":memory:", MCP_ADMIN_PORT: "0" });
  await served(program);
  await until("the warning", () => program.text().includes("MCP_ADMIN_PORT has no effect"));
  expect(program.text()).not.toContain("admin=");
  expect(existsSync(join(folder, "data"))).toBe(false);
  sendSignal(program.child.pid, "SIGTERM");
  expect(await within("the gateway to stop", program.code)).toBe(0);
});

test("on an address for other machines the admin API still needs a token and a known Host", async () => {
  const folder = makeFolder();
  const program = start(folder, {
    MCP_ADMIN_HOST: "0.0.0.0",
    MCP_ADMIN_PORT: "0",
    MCP_ALLOWED_HOSTS: "gateway.internal",
    MCP_ADMIN_SPAWN: "on",
  });
  await announced(folder, program);
  await until("the warning", () => program.text().includes("The admin API listens on 0.0.0.0"));
  const { port, call, token } = await openAdminCalls(folder);
  const head = (host: string, shown: string) =>
    `GET /admin/status HTTP/1.1\r\nHost: ${host}\r\n${shown}Connection: close\r\n\r\n`;
  const owner = `Authorization: Bearer ${token("owner")}\r\n`;
  expect(await rawStatus(port, head(`127.0.0.1:${port}`, ""))).toBe(401);
  expect(await rawStatus(port, head(`127.0.0.1:${port}`, owner))).toBe(200);
  expect(await rawStatus(port, head("gateway.internal", owner))).toBe(200);
  expect(await rawStatus(port, head(`evil.example:${port}`, owner))).toBe(403);
  const body = { command: "/bin/cat", start: "onDemand" };
  const added = await call("PUT", "/admin/servers/x", { as: "operator", body });
  expect(added.status).toBe(201);
});

test("a gateway that was started for attached programs stops after the last one has left", async () => {
  const folder = makeFolder();
  const program = start(folder, {}, ["start", "--until-unattached"]);
  await written(folder, program);
  const { url, token } = await openAdminCalls(folder);
  const attach = async () => {
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${token("owner")}` };
    const { body } = await fetch(`${url}/admin/attach`, { headers, signal: leaving.signal });
    const reader = body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    return { first, leave: () => leaving.abort() };
  };
  const one = await attach();
  const other = await attach();
  expect([one.first, other.first]).toEqual([
    'event: attached\ndata: {"attached":1}\n\n',
    'event: attached\ndata: {"attached":2}\n\n',
  ]);
  one.leave();
  other.leave();
  expect(await within("the gateway to stop", program.code)).toBe(0);
  expect(existsSync(fileOf(folder))).toBe(false);
  // Its log file has what it says: there is no terminal.
  const log = readFileSync(join(folder, "data/logs/server.log"), "utf8");
  expect(log).toContain("Serving MCP at http:");
  expect(log).toContain("No program is attached any more");
  expect(program.text()).toBe("");
});

test("a gateway for attached programs cannot start without an admin API", async () => {
  const program = start(makeFolder(), { MCP_ADMIN: "off" }, ["start", "--until-unattached"]);
  expect(await within("the program to end", program.code)).toBe(2);
  expect(program.text()).toContain("Cannot use --until-unattached: the admin API is off");
});
