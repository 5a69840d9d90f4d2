/**
 * Real clients log in at a real gateway by their own OAuth: the official SDKs for TypeScript, the
 * one for Python, FastMCP, mcp-remote and the Inspector. A person with a browser is played.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  Client as ClientTwo,
  StreamableHTTPClientTransport as HttpTwo,
} from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { hostileCommand } from "../fault/hostile_command.ts";
import { freePort } from "../support/free_port.ts";
import { openBridge } from "../support/mcp_clients.ts";
import { followAuthorization } from "../support/oauth_person.ts";
import { person, spawnOAuthGateway } from "../support/oauth_real.ts";
import { compileCache, provide, provideNode } from "../support/outside.ts";
import { findPython } from "../support/python.ts";
import { projectDirectory, type SpawnedGateway } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

const testMs = 120_000;
const redirectUrl = "http://127.0.0.1:33418/callback";
let gateway: SpawnedGateway;
let url: string;

beforeAll(async () => {
  gateway = await spawnOAuthGateway({ servers: { child: hostileCommand() } });
  url = `${gateway.url}/mcp`;
}, testMs);
afterAll(() => gateway?.dispose(), testMs);

const follow = (link: string) => followAuthorization(link, person);

/** What a program of an SDK keeps. */
function createMemory() {
  const kept: { sentTo?: string; client?: object; tokens?: Record<string, unknown> } = {};
  let verifier = "";
  let discovered: unknown;
  const provider = {
    redirectUrl,
    clientMetadata: {
      client_name: "A program with an SDK",
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    clientInformation: () => kept.client as never,
    saveClientInformation: (client: object) => void (kept.client = client),
    tokens: () => kept.tokens as never,
    saveTokens: (tokens: object) => void (kept.tokens = { ...tokens }),
    redirectToAuthorization: (link: URL) => void (kept.sentTo = link.href),
    saveCodeVerifier: (text: string) => void (verifier = text),
    codeVerifier: () => verifier,
    saveDiscoveryState: (state: unknown) => void (discovered = state),
    discoveryState: () => discovered as never,
  };
  return { kept, provider };
}

type Provider = ReturnType<typeof createMemory>["provider"];

/** A client of an SDK with the little that differs between the two. */
interface Program {
  connect(): Promise<{ echo(text: string): Promise<unknown>; close(): Promise<void> }>;
  finish(query: URLSearchParams): Promise<void>;
}

const echo = (text: string) => ({ name: "echo", arguments: { text } });

const programs: Readonly<Record<string, (provider: Provider) => Program>> = {
  "SDK 1.32": (authProvider) => {
    const open = () => new HttpOne(new URL(url), { authProvider });
    let last = open();
    return {
      async connect() {
        last = open();
        const client = new ClientOne({ name: "test", version: "1" });
        await client.connect(last as Transport);
        return {
          echo: async (text) => (await client.callTool(echo(text))).content,
          close: () => client.close(),
        };
      },
      finish: (query) => last.finishAuth(query.get("code") ?? ""),
    };
  },
  ...Object.fromEntries((["legacy", "auto"] as const).map((mode) => [
    `client 2.4, ${mode}`,
    (authProvider: Provider): Program => {
      const open = () => new HttpTwo(new URL(url), { authProvider });
      let last = open();
      return {
        async connect() {
          last = open();
          const client = new ClientTwo({ name: "test", version: "1" }, {
            versionNegotiation: { mode },
          });
          await client.connect(last);
          return {
            echo: async (text) => (await client.callTool(echo(text))).content,
            close: () => client.close(),
          };
        },
        finish: (query) => last.finishAuth(query),
      };
    },
  ])),
};

for (const [name, create] of Object.entries(programs)) {
  describe(name, () => {
    test("logs in, uses a tool, and refreshes without the person", async () => {
      const { kept, provider } = createMemory();
      const program = create(provider);
      await expect(program.connect()).rejects.toThrow();
      await program.finish(new URL(await follow(kept.sentTo ?? "")).searchParams);
      const before = kept.tokens;
      const first = await program.connect();
      expect(JSON.stringify(await first.echo("hello"))).toContain("hello");
      await first.close();
      // As after its expiry.
      kept.tokens = { ...before, access_token: "mcpa_old" };
      const second = await program.connect();
      expect(JSON.stringify(await second.echo("again"))).toContain("again");
      await second.close();
      expect(kept.tokens?.["access_token"]).not.toBe(before?.["access_token"]);
      expect(kept.tokens?.["access_token"]).not.toBe("mcpa_old");
    }, testMs);
  });
}

const python = findPython("mcp.client.client");

/** A program; `end` gives what it wrote, or throws with its errors. */
function startProgram(command: string, args: readonly string[], env = process.env) {
  const child = spawn(command, args, { stdio: "pipe", env });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    answer: (line: string) => child.stdin.end(`${line}\n`),
    line: (form: RegExp) =>
      until("a line of the program", () => {
        if (child.exitCode !== null) throw new Error(errors);
        return form.exec(output)?.[1];
      }),
    async end() {
      const code = await within("the program to end", ended);
      if (code !== 0) throw new Error(`The program ended with ${code}: ${errors}`);
      return output;
    },
    kill: () => child.kill("SIGKILL"),
  };
}

describe("the Python SDK's client", () => {
  test.skipIf(python === undefined)("logs in, uses a tool, and refreshes", async () => {
    const path = join(projectDirectory, "test", "support", "oauth_python_client.py");
    const child = startProgram(python ?? "", [path, url, redirectUrl]);
    try {
      const link = await child.line(/^\{"authorize": (".*")\}$/m);
      child.answer(await follow(JSON.parse(link)));
      const { said, refreshed } = JSON.parse((await child.end()).trim().split("\n").at(-1) ?? "");
      expect(said).toEqual([expect.stringContaining("hello"), expect.stringContaining("hello")]);
      expect(refreshed).toBe(true);
    } finally {
      child.kill();
    }
  }, testMs);
});

/** A folder with a program that stands for the browser, and notes what it is to open. */
function makeBrowser() {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-browser-"));
  const opened = join(folder, "opened");
  const program = join(folder, "browser");
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s' "$1" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`,
  );
  chmodSync(program, 0o755);
  return {
    env: { BROWSER: program, HOME: folder },
    /** The person logs in, and the browser comes back to the program. */
    async visit() {
      const link = await until(
        "the browser to be opened",
        () => existsSync(opened) && readFileSync(opened, "utf8"),
      );
      await (await fetch(await follow(link))).text();
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

describe("mcp-remote", () => {
  test("opens the browser, which comes back to it, and relays", async () => {
    const browser = makeBrowser();
    try {
      const opening = openBridge(url, { BROWSER: browser.env.BROWSER });
      opening.catch(() => {});
      await browser.visit();
      const client = await opening;
      expect((await client.callTool("echo", { text: "hello" })).text).toContain("hello");
      await client.close();
    } finally {
      browser.dispose();
    }
  }, testMs);
});

const fastmcp = findPython("fastmcp");

describe("FastMCP's client", () => {
  test.skipIf(fastmcp === undefined)("opens the browser, logs in, and uses a tool", async () => {
    const browser = makeBrowser();
    const path = join(projectDirectory, "test", "support", "oauth_fastmcp_client.py");
    const child = startProgram(fastmcp ?? "", [path, url], { ...process.env, ...browser.env });
    try {
      await browser.visit();
      expect(await child.end()).toContain("hello");
    } finally {
      child.kill();
      browser.dispose();
    }
  }, testMs);
});

/** It is no dependency: `bun test` alone installs nothing, the test command does. */
const hasPrograms = process.env["MCP_TEST_PROGRAMS"] === "true";

describe("the Inspector's CLI", () => {
  test.skipIf(!hasPrograms)("opens the browser, logs in, and uses a tool", async () => {
    const browser = makeBrowser();
    const inspector = provide("@modelcontextprotocol/inspector@2.12.0", "mcp-inspector");
    const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`;
    const args = ["--cli", url, "--callback-url", callback, "--format", "json"];
    const call = ["--method", "tools/call", "--tool-name", "echo", "--tool-arg", "text=hello"];
    const env = { ...process.env, ...compileCache, ...browser.env, MCP_AUTO_OPEN_ENABLED: "true" };
    const child = startProgram(provideNode(), [inspector, ...args, ...call], env);
    try {
      await browser.visit();
      expect(await child.end()).toContain("hello");
    } finally {
      child.kill();
      browser.dispose();
    }
  }, testMs);
});
