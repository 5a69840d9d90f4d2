/**
 * The packed package as a stranger starts it, in an empty folder, by each program that can: it is
 * downloaded, serves and answers, and a SIGTERM to the gateway itself ends it. The time from the
 * command to the first answer is printed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { provideNode } from "../support/outside.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import {
  manifest,
  type PackageRegistry,
  type Packed,
  packPackage,
  serveRegistry,
} from "../support/packed.ts";
import { executable } from "../support/spawn_gateway.ts";
import { makeEmptyHome, startCommand } from "../support/started_command.ts";
import { isAlive, sendSignal } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const testMs = 240_000;
let packed: Packed;
let registry: PackageRegistry;

beforeAll(async () => {
  packed = packPackage();
  registry = await serveRegistry(packed);
}, testMs);
afterAll(() => {
  registry?.close();
});

/** The gateway below its launcher: its only child is a shell, the warden. */
const gatewayIn = (processes: readonly number[]) =>
  processes.findLast((pid) => {
    const [program = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return basename(program) !== "sh";
  });

/** What starts the program again, as the unit of a service would; launchers' caches do not last. */
const again: Readonly<Record<string, RegExp>> = {
  Node: /^Cannot install a service that runs from a cache /m,
  Bun: /^Cannot install a service that runs from a cache /m,
  Deno: new RegExp(`^ExecStart=.* "npm:${manifest.name}@${manifest.version}" "start"$`, "m"),
};

/** Each command, and what the gateway then says that it runs on. */
const launchers = [
  { command: ["npx", "--yes", manifest.name], runtime: "Node" },
  { command: [executable("bun"), "x", "--bun", manifest.name], runtime: "Bun" },
  { command: [executable("deno"), "run", "--allow-all", `npm:${manifest.name}`], runtime: "Deno" },
];

describe("from the packed package in an empty folder", () => {
  for (const { command, runtime } of launchers) {
    test(`${command.slice(-3).join(" ")} serves on ${runtime} and ends by SIGTERM`, async () => {
      const home = makeEmptyHome();
      const cwd = join(home.folder, "empty");
      mkdirSync(cwd);
      const node = provideNode();
      const begunAt = performance.now();
      const env = {
        ...home.env,
        ...(node === "node" ? {} : { PATH: `${dirname(node)}:${home.env["PATH"]}` }),
        NPM_CONFIG_REGISTRY: registry.url,
      };
      const started = startCommand(command, cwd, env);
      try {
        const session = await openRpcSession(await started.url());
        const { result } = await session.request(1, "tools/list");
        const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
        console.log(`${command.join(" ")}: first answer after ${seconds} s`);
        expect(JSON.stringify(result)).toContain("simple_price");
        expect(started.text()).toContain(`runtime="${runtime} `);
        await session.end();
        sendSignal(gatewayIn(started.processes()), "SIGTERM");
        await started.ended;
        expect(started.text()).toContain("Stopping");
        await until("nothing of it runs", () => started.processes().every((pid) => !isAlive(pid)));
        const planned = startCommand([...command, "service", "install", "--dry-run"], cwd, env);
        await planned.ended;
        expect(planned.text()).toMatch(again[runtime] ?? /^$/);
      } finally {
        started.dispose();
        home.dispose();
      }
    }, testMs);
  }
});
