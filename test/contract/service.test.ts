/**
 * `mcp-wrapper service` as a process, with a systemctl that writes down how it is called, and the
 * texts of both service managers, read by the programs that know them where they are at hand.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { launchd } from "../../src/cli/service/launchd.ts";
import type { ServiceSpec } from "../../src/cli/service/service_manager.ts";
import { systemd } from "../../src/cli/service/systemd.ts";
import { gatewayRuntime, programCommand, projectDirectory } from "../support/spawn_gateway.ts";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "service-")));
  mkdirSync(join(folder, "home"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "work"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a systemctl first on PATH that notes its arguments and answers `active` and `enabled`. */
function fakeSystemctl(exitCode = 0): () => string[] {
  const program = join(folder, "bin", "systemctl");
  const notes = join(folder, "systemctl.calls");
  writeFileSync(
    program,
    `#!/bin/sh\necho "$*" >> ${notes}\n` +
      'case "$*" in *is-active*) echo active ;; *is-enabled*) echo enabled ;; esac\n' +
      (exitCode === 0 ? "" : 'echo "Failed to connect to bus" >&2\n') + `exit ${exitCode}\n`,
  );
  chmodSync(program, 0o755);
  return () => existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : [];
}

function service(...args: string[]) {
  return serviceIn("work", ...args);
}

function serviceIn(name: string, ...args: string[]) {
  const line = programCommand(`src/main/${gatewayRuntime}.ts`, ["service", ...args]);
  const { PATH = "", DENO_DIR } = process.env;
  const done = spawnSync(line.command, line.args, {
    cwd: join(folder, name),
    encoding: "utf8",
    env: {
      PATH: `${join(folder, "bin")}:${PATH}`,
      HOME: join(folder, "home"),
      NO_COLOR: "1",
      MCP_SECRET: "a-secret-that-is-long-enough-0123456789",
      ...(DENO_DIR === undefined ? {} : { DENO_DIR }),
    },
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

const unitFile = () => join(folder, "home/.config/systemd/user/mcp-wrapper.service");

// The service manager of this system decides; macOS has another one.
const linuxTest = test.skipIf(process.platform !== "linux");

describe("on Linux", () => {
  linuxTest("install writes a unit, starts it, and says what it did", () => {
    const calls = fakeSystemctl();
    writeFileSync(join(folder, "work", "mcp.json"), '{"mcpServers":{}}');
    const { code, stdout } = service("install", "--port", "9100", "--config", "mcp.json");
    expect(code).toBe(0);
    expect(stdout).toContain(`Installed ${unitFile()}`);
    const text = readFileSync(unitFile(), "utf8");
    expect(text).toContain(`WorkingDirectory=${join(folder, "work")}\n`);
    expect(text).toContain(`Environment="MCP_CONFIG=${join(folder, "work", "mcp.json")}"\n`);
    expect(text).toContain('Environment="MCP_PORT=9100"\n');
    expect(text).toMatch(/^Environment="PATH=[^"]*\/usr\/bin[^"]*"$/m);
    expect(text).toMatch(/^ExecStart="\/.*" "start"$/m);
    expect(text).not.toContain("a-secret");
    expect(statSync(unitFile()).mode & 0o777).toBe(0o644);
    expect(calls()).toEqual([
      "--user daemon-reload",
      "--user enable mcp-wrapper.service",
      "--user restart mcp-wrapper.service",
    ]);
  });

  linuxTest("a folder without files of the gateway is not the service's folder", () => {
    fakeSystemctl();
    expect(service("install").code).toBe(0);
    expect(readFileSync(unitFile(), "utf8")).toContain(
      `WorkingDirectory=${join(folder, "home")}\n`,
    );
  });

  linuxTest("install --dry-run prints the unit and the commands, and does nothing", () => {
    const calls = fakeSystemctl();
    const { code, stdout } = service("install", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain(`# ${unitFile()}\n[Unit]\n`);
    expect(stdout).toContain("\nsystemctl --user restart mcp-wrapper.service\n");
    expect(existsSync(unitFile())).toBe(false);
    expect(calls()).toEqual([]);
  });

  linuxTest(
    "status says whether it runs; uninstall removes it; both exit with 3 where there is none",
    () => {
      const calls = fakeSystemctl();
      for (const action of ["status", "uninstall"]) {
        const { code, stderr } = service(action);
        expect([action, code]).toEqual([action, 3]);
        expect(stderr).toContain(`there is no ${unitFile()}`);
      }
      service("install");
      const { code, stdout } = service("status", "--json");
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({
        file: unitFile(),
        isInstalled: true,
        isEnabled: true,
        isRunning: true,
      });
      expect(service("uninstall").code).toBe(0);
      expect(existsSync(unitFile())).toBe(false);
      expect(calls().slice(-2)).toEqual([
        "--user disable --now mcp-wrapper.service",
        "--user daemon-reload",
      ]);
    },
  );

  linuxTest("a systemctl that fails ends the command with its words", () => {
    fakeSystemctl(1);
    const { code, stderr } = service("install");
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Cannot run "systemctl --user daemon-reload": Failed to connect to bus\n',
    );
  });

  linuxTest("a folder whose name would add lines to the unit is refused", () => {
    const calls = fakeSystemctl();
    const name = "a\nExecStartPre=touch b";
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "mcp.json"), '{"mcpServers":{}}');
    const { code, stderr } = serviceIn(name, "install");
    expect(code).toBe(2);
    expect(stderr).toContain('a\\nExecStartPre=touch b" has a control character');
    expect([existsSync(unitFile()), calls()]).toEqual([false, []]);
  });

  linuxTest("another word than an action is refused with those there are", () => {
    const { code, stderr } = service("start");
    expect(code).toBe(2);
    expect(stderr).toContain("expected install, uninstall, status");
  });
});

/** Characters that a unit and a property list give a meaning of their own. */
const odd: ServiceSpec = {
  command: ["/bin/sh", 'a "b" $HOME', "100%", "back\\slash", "<&>", "start"],
  folder: "/tmp",
  env: { PATH: "/usr/bin:/bin", NAME: 'x "y" $z %h \\ <&>' },
};

const has = (program: string) => spawnSync(program, ["--version"]).status === 0;

test.skipIf(!has("systemd-analyze"))("systemd accepts the unit", () => {
  for (const [name, spec] of [["odd", odd], ["plain", { ...odd, command: ["/bin/sh"] }]] as const) {
    const file = join(folder, `${name}.service`);
    writeFileSync(file, systemd.text(spec));
    const args = ["--user", "verify", "--recursive-errors=no", file];
    const { status, stderr } = spawnSync("systemd-analyze", args, {
      encoding: "utf8",
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }
});

test("the words of the unit are those of the command line", () => {
  const line = systemd.text(odd).split("\n").find((one) => one.startsWith("ExecStart="));
  expect(line).toBe(
    'ExecStart="/bin/sh" "a \\"b\\" $$HOME" "100%%" "back\\\\slash" "<&>" "start"',
  );
});

test.skipIf(!has("python3"))("the property list of launchd holds what was asked for", () => {
  const file = join(folder, "agent.plist");
  writeFileSync(file, launchd.text(odd));
  const script =
    "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1],'rb'))))";
  const { stdout, stderr } = spawnSync("python3", ["-c", script, file], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    Label: "local.mcp-wrapper",
    ProgramArguments: odd.command,
    EnvironmentVariables: odd.env,
    WorkingDirectory: "/tmp",
    KeepAlive: { SuccessfulExit: false },
    RunAtLoad: true,
  });
});

test("the commands of launchd load the agent for the account, and remove it", () => {
  const place = { homeFolder: "/Users/me", account: "501" };
  const file = "/Users/me/Library/LaunchAgents/local.mcp-wrapper.plist";
  expect(launchd.file(place)).toBe(file);
  expect(launchd.install(place).map(({ command }) => command.join(" "))).toEqual([
    "launchctl bootout gui/501/local.mcp-wrapper",
    `launchctl bootstrap gui/501 ${file}`,
  ]);
  expect(launchd.read([{ code: 0, stdout: "x = {\n\tstate = running\n}" }])).toEqual({
    isEnabled: true,
    isRunning: true,
  });
  expect(launchd.read([{ code: 113, stdout: "" }])).toEqual({ isEnabled: false, isRunning: false });
});

test("the files in packaging/ are what the command writes", () => {
  const spec = {
    command: ["/usr/local/bin/mcp-wrapper", "start"],
    folder: "/home/me",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  };
  const packaged = (name: string) =>
    readFileSync(join(projectDirectory, "packaging", name), "utf8");
  expect(systemd.text(spec)).toBe(packaged("mcp-wrapper.service"));
  expect(launchd.text({ ...spec, folder: "/Users/me" })).toBe(packaged("local.mcp-wrapper.plist"));
});
