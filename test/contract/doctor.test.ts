/**
 * `doctor` as a person runs it: with a gateway and without, and with each fault planted. It says
 * what is wrong and what to do, changes nothing by itself, and repairs only what was agreed to.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { checkTools } from "../../src/cli/doctor/check_servers.ts";
import { defaultLimits } from "../../src/limits.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { openSqliteProcessGroups } from "../../src/store/sqlite_process_groups.ts";
import { readIdentity } from "../../src/upstream/stdio/process_table.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { runCli } from "../support/run_cli.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

interface FoundLine {
  readonly group: string;
  readonly level: string;
  readonly text: string;
  readonly advice: readonly string[];
  readonly isRepaired?: boolean;
}
interface Report {
  readonly findings: readonly FoundLine[];
  readonly problems: number;
  readonly warnings: number;
}

const testMs = 120_000;
let folder = "";
let gateways: SpawnedGateway[] = [];
let servers: Server[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "doctor-")));
  gateways = [];
  servers = [];
});
afterEach(async () => {
  for (const gateway of gateways) await gateway.dispose();
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const works = hostileCommand();

function write(name: string, content: unknown, mode = 0o600): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

/** The exit code and what was found, in the folder of the test or of a gateway. */
async function doctor(
  env: Record<string, string> = {},
  flags: readonly string[] = [],
  cwd = folder,
): Promise<Report & { readonly code: number | null; readonly stderr: string }> {
  const outcome = await runCli(["doctor", "--json", ...flags], {
    cwd,
    // The service of the person who runs the tests stays as it is.
    env: { MCP_PORT: "0", XDG_CONFIG_HOME: join(folder, "config"), ...env },
    withinMs: testMs,
  });
  const none: Report = { findings: [], problems: -1, warnings: -1 };
  const report: Report = outcome.stdout === "" ? none : JSON.parse(outcome.stdout);
  return { ...report, code: outcome.code, stderr: outcome.stderr };
}

/** The findings of a level whose text holds this. */
const findingsWith = ({ findings }: Report, level: string, text: string) =>
  findings.filter((finding) => finding.level === level && finding.text.includes(text));

async function open(mcpServers: object, env: Record<string, string> = {}) {
  const gateway = await spawnGateway({ servers: { ...mcpServers }, env });
  gateways.push(gateway);
  return gateway;
}

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

describe("without a fault", () => {
  test("it finds the running gateway and its servers, and ends with 0", async () => {
    const gateway = await open({ files: works });
    const report = await doctor({}, [], gateway.directory);
    expect([report.code, report.problems]).toEqual([0, 0]);
    expect(findingsWith(report, "ok", `A gateway runs at ${gateway.url}/mcp`).length).toBe(1);
    expect(findingsWith(report, "ok", 'Server "files" works: 14 tools, protocol ').length).toBe(1);
    const text = await runCli(["doctor"], { cwd: gateway.directory, env: { MCP_PORT: "0" } });
    expect(text.stdout).toMatch(/^Runtimes\n {2}ok {7}This command runs on /);
  }, testMs);

  test("it starts the servers itself while no gateway runs, and leaves nothing", async () => {
    write("mcp.json", { mcpServers: { files: works } });
    const report = await doctor();
    expect([report.code, report.problems]).toEqual([0, 0]);
    expect(findingsWith(report, "ok", "No running gateway uses these files").length).toBe(1);
    expect(findingsWith(report, "ok", 'Server "files" works: 14 tools').length).toBe(1);
    expect(readdirSync(folder)).toEqual(["mcp.json"]);
  }, testMs);
});

describe("a planted fault", () => {
  test("files that other accounts can read: --fix asks, and repairs modes alone", async () => {
    write("mcp.json", { mcpServers: {} });
    const token = write("data/owner.token", "secret", 0o644);
    const env = write(".env", "A=1", 0o640);
    // What a gateway that a client started said before it had its log.
    const words = write("data/start.log", "Cannot listen", 0o644);
    const modes = () => [token, env, words].map((path) => statSync(path).mode & 0o777);
    const report = await doctor();
    expect(report.code).toBe(1);
    expect(findingsWith(report, "problem", `Other accounts can use ${token} (mode 644)`)[0]?.advice)
      .toEqual([`chmod 600 ${token}`]);
    expect(findingsWith(report, "warning", env).length).toBe(1);
    // No terminal, so nothing can be asked, and nothing changes.
    const refused = await doctor({}, ["--fix"]);
    expect([refused.code, modes()]).toEqual([5, [0o644, 0o640, 0o644]]);
    expect(refused.stderr).toContain("add --yes to agree");
    const fixed = await doctor({}, ["--fix", "--yes"]);
    expect([fixed.code, modes()]).toEqual([0, [0o600, 0o600, 0o600]]);
    expect(fixed.findings.filter(({ isRepaired }) => isRepaired).length).toBe(3);
    expect(readFileSync(token, "utf8")).toBe("secret");
  }, testMs);

  test("a missing data folder is made only if that was agreed to", async () => {
    write("mcp.json", { mcpServers: {} });
    await doctor();
    expect(existsSync(join(folder, "data"))).toBe(false);
    await doctor({}, ["--fix", "--yes"]);
    expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
  }, testMs);

  test("a data folder that is none", async () => {
    write("mcp.json", { mcpServers: {} });
    write("data", "");
    expect(findingsWith(await doctor(), "problem", "data is no folder").length).toBe(1);
  }, testMs);

  test("a corrupt database is reported and stays as it is", async () => {
    write("mcp.json", { mcpServers: { files: works } });
    const path = write("data/mcp-wrapper.db", "no database at all, but long enough".repeat(200));
    const report = await doctor();
    expect(report.code).toBe(1);
    expect(findingsWith(report, "problem", `${path} is corrupt`).length).toBe(1);
    expect(findingsWith(report, "ok", 'Server "files" works').length).toBe(1);
    expect(readdirSync(join(folder, "data"))).toEqual(["mcp-wrapper.db"]);
  }, testMs);

  test("a database of a newer gateway", async () => {
    write("mcp.json", { mcpServers: {} });
    mkdirSync(join(folder, "data"), { mode: 0o700 });
    const database = (await createTestRuntime()).openDatabase(join(folder, "data/mcp-wrapper.db"));
    database.exec("CREATE TABLE children (group_id INTEGER, identity TEXT, server TEXT)");
    database.exec("PRAGMA user_version = 999");
    database.close();
    expect(findingsWith(await doctor(), "problem", "has version 999").length).toBe(1);
  }, testMs);

  test("a port that another program has", async () => {
    write("mcp.json", { mcpServers: {} });
    const { port } = new URL(await serve((_request, response) => response.end("other")));
    const report = await doctor({ MCP_PORT: port, MCP_HOST: "127.0.0.1" });
    expect(findingsWith(report, "problem", `Cannot listen on "127.0.0.1:${port}"`)[0]?.advice)
      .toEqual(["stop the program that has it, or choose another MCP_PORT"]);
    const other = await open({});
    const taken = await doctor({ MCP_PORT: String(other.port), MCP_HOST: "127.0.0.1" });
    expect(findingsWith(taken, "problem", `:${other.port}"`)[0]?.advice[0])
      .toContain("a gateway with other files has it");
  }, testMs);

  test("servers that cannot work, each with its reason, next to one that does", async () => {
    write("mcp.json", {
      mcpServers: {
        fine: works,
        missing: { command: "no-such-program-anywhere" },
        exits: { command: "/bin/sh", args: ["-c", "echo Missing THE_KEY >&2; exit 1"] },
        own: { url: "http://localhost:8999/mcp" },
        typo: { command: "x", startTimeoutMs: "soon" },
      },
    });
    const report = await doctor({ MCP_PORT: "8999", MCP_HOST: "localhost" });
    expect(report.code).toBe(1);
    expect(findingsWith(report, "ok", 'Server "fine" works').length).toBe(1);
    const missing = '"missing": program "no-such-program-anywhere" is not on PATH';
    expect(findingsWith(report, "problem", missing).length).toBe(1);
    expect(findingsWith(report, "problem", "Missing THE_KEY").length).toBe(1);
    expect(findingsWith(report, "problem", "leads back to this gateway").length).toBe(1);
    expect(findingsWith(report, "problem", "mcpServers.typo.startTimeoutMs").length).toBe(1);
  }, testMs);

  test("a server that wants a log-in, and a clock that is wrong", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const url = await serve((_request, response) => {
      response.setHeader("date", date);
      response.writeHead(401, { "www-authenticate": 'Bearer resource_metadata="https://a.test"' });
      response.end();
    });
    write("mcp.json", { mcpServers: { remote: { url: `${url}/mcp` } } });
    const report = await doctor();
    const [login] = findingsWith(report, "warning", 'Server "remote" does not work');
    expect(login?.advice).toEqual(["Log in: mcp-wrapper auth login remote"]);
    expect(findingsWith(report, "problem", 's behind server "remote"').length).toBe(1);
  }, testMs);

  test("a configuration that cannot be read", async () => {
    write("mcp.json", "{ broken");
    const report = await doctor();
    expect(report.code).toBe(1);
    expect(findingsWith(report, "problem", "mcp.json").length).toBe(1);
  }, testMs);

  test("an old Node on PATH", async () => {
    write("mcp.json", { mcpServers: { files: works } });
    write("bin/node", "#!/bin/sh\necho v18.20.4\n", 0o700);
    const report = await doctor({ PATH: `${folder}/bin:${process.env["PATH"]}` });
    expect(findingsWith(report, "warning", "is version 18.20.4, older than 22.13").length).toBe(1);
  }, testMs);

  test("what a killed gateway leaves", async () => {
    const gateway = await open({ files: works });
    const file = join(gateway.directory, "data/gateway.json");
    await until("the gateway to write its file", () => existsSync(file));
    await gateway.kill9();
    const report = await doctor({}, [], gateway.directory);
    expect(findingsWith(report, "warning", "is from a gateway that was killed").length).toBe(1);
    expect(existsSync(file)).toBe(true);
  }, testMs);

  test("a server that outlived its gateway is named, and not ended", async () => {
    const runtime = await createTestRuntime();
    write("mcp.json", { mcpServers: {} });
    mkdirSync(join(folder, "data"), { mode: 0o700 });
    const child = runtime.spawn({ command: "/bin/sleep", args: ["60"], env: {} });
    const deps = { runtime, clock: systemClock, limits: defaultLimits };
    const path = join(folder, "data/mcp-wrapper.db");
    const database = openStoreDatabase(runtime, path, defaultLimits);
    const identity = await readIdentity(deps, child.pid) ?? "";
    await openSqliteProcessGroups({ database, clock: systemClock })
      .add({ groupId: child.pid, identity, server: "files" });
    database.close();
    const report = await doctor({}, ["--fix", "--yes"]);
    const text = `Server "files" of an earlier gateway still runs (process group ${child.pid})`;
    expect(findingsWith(report, "warning", text).length).toBe(1);
    expect(runtime.signalGroup(child.pid, "SIGKILL")).toBe(true);
    await child.exited;
    expect(findingsWith(await doctor(), "warning", "still runs").length).toBe(0);
  }, testMs);

  test("a service whose PATH lacks a program: --fix adds its folder", async () => {
    const program = write("bin/program-of-mine", `#!/bin/sh\nexec "$@"\n`, 0o700);
    const { command, args } = works;
    const own = { command: "program-of-mine", args: [command, ...args] };
    write("mcp.json", { mcpServers: { files: own } });
    const unit = 'ExecStart="a"\nEnvironment="PATH=/usr/bin:/bin"\nRestart=on-failure\n';
    const file = write("config/systemd/user/mcp-wrapper.service", unit, 0o644);
    const env = {
      PATH: `${join(program, "..")}:${process.env["PATH"]}`,
    };
    const [found] = findingsWith(await doctor(env), "warning", "The PATH of the service lacks");
    expect(found?.text).toContain(`${folder}/bin, with program-of-mine (${file})`);
    expect(readFileSync(file, "utf8")).toBe(unit);
    await doctor(env, ["--fix", "--yes"]);
    expect(readFileSync(file, "utf8"))
      .toBe(unit.replace("/usr/bin:/bin", `/usr/bin:/bin:${folder}/bin`));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(findingsWith(await doctor(env), "ok", "The service finds all programs").length).toBe(1);
  }, testMs);

  test("a gateway that cannot be asked", async () => {
    const gateway = await open({}, { MCP_ADMIN: "off" });
    const report = await doctor({}, [], gateway.directory);
    expect(findingsWith(report, "warning", "it runs with MCP_ADMIN=off").length).toBe(1);
  }, testMs);

  test("a public address that leads elsewhere, refuses the Host, or is not there", async () => {
    const answers: [number, string][] = [[403, "problem"], [404, "problem"], [200, "ok"]];
    let status = 200;
    const url = await serve((_request, response) => {
      response.writeHead(status).end(status === 200 ? '{"status":"healthy"}' : "");
    });
    const gateway = await open({}, { MCP_PUBLIC_URL: url });
    for (const [answer, level] of answers) {
      status = answer;
      const report = await doctor({ MCP_PUBLIC_URL: url }, [], gateway.directory);
      expect([answer, findingsWith(report, level, url).length]).toEqual([answer, 1]);
    }
    const closed = await doctor({ MCP_PUBLIC_URL: "http://127.0.0.1:1" }, [], gateway.directory);
    expect(findingsWith(closed, "problem", "nothing listens there").length).toBe(1);
  }, testMs);
});

describe("the tools of all servers together", () => {
  const tools = (count: number, name = (index: number) => `t${index}`) =>
    checkTools(Array.from({ length: count }, (_, index) => ({ name: name(index) })));

  test("are more than some clients take", () => {
    const texts = (count: number) => tools(count).map(({ level, text }) => `${level} ${text}`);
    expect(texts(100)).toEqual(["ok 100 tools together on /mcp"]);
    expect(texts(129)).toEqual([
      "warning 129 tools are more than VS Code takes (128)",
      "warning 129 tools are more than Windsurf takes (100)",
    ]);
    expect(texts(101).length).toBe(1);
  });

  test("have names that the gateway had to cut", () => {
    const found = tools(2, (index) => `${"a".repeat(55)}_${index}1234567`);
    expect(found.map(({ level, text }) => `${level} ${text}`)).toEqual([
      expect.stringMatching(/^warning 2 names of tools are too long or not unique and were cut, /),
    ]);
  });
});
