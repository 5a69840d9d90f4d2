/**
 * Calls to servers that count, with random faults of networks, servers and operators, and what their
 * clients learn: for the test of it, and for the figure.
 */
import * as fc from "fast-check";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { childFaultNames } from "./counting_child.ts";
import {
  countingRecipe,
  remoteFaultNames,
  remoteKinds,
  serveCounting,
  serveCountingApi,
  webFaultNames,
} from "./counting_server.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { programCommand, thisRuntime } from "./spawn_gateway.ts";
import { envelope, mirror } from "./stateless_client.ts";

const atOnce = 16;

/** What a client learns about a call. */
interface Heard {
  readonly isFailure: boolean;
  readonly outcome: unknown;
  readonly text: string;
}

type Json = Record<string, unknown>;
type Client = (id: number, params: Json) => Promise<Heard>;

/** The response in a body, JSON or events, as a client reads it. */
function toHeard(body: string): Heard {
  const frames = body.split("\n").filter((line) => line.startsWith("data: {"));
  const text = body.startsWith("{") ? body : frames.at(-1)?.slice("data: ".length) ?? "{}";
  const { result, error } = JSON.parse(text) as {
    result?: { isError?: boolean; _meta?: Json };
    error?: { data?: Json };
  };
  return {
    isFailure: result === undefined || result.isError === true,
    // A web API's failures are results, which a model can read.
    outcome: error?.data?.["outcome"] ?? result?._meta?.["mcp-wrapper/outcome"],
    text,
  };
}

/** Sends one message without a socket. */
function sender(handle: GatewayHandle, url: string) {
  return (message: Json, headers: Record<string, string>): Promise<Response> => {
    const request = new Request(url, {
      method: "POST",
      headers: { ...headers, host: new URL(url).host },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
    return handle.fetch(request);
  };
}

async function openHandshakeClient(handle: GatewayHandle, url: string): Promise<Client> {
  const send = sender(handle, url);
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const hello = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "counting", version: "1" },
  };
  const opened = await send({ id: 0, method: "initialize", params: hello }, headers);
  await opened.text();
  const session = opened.headers.get("mcp-session-id") ?? "";
  return async (id, params) => {
    const message = { id, method: "tools/call", params };
    const answer = await send(message, { ...headers, "mcp-session-id": session });
    return toHeard(await answer.text());
  };
}

function openStatelessClient(handle: GatewayHandle, url: string): Client {
  const send = sender(handle, url);
  return async (id, params) => {
    const message = { id, method: "tools/call", params: { ...params, _meta: envelope() } };
    return toHeard(await (await send(message, mirror("tools/call", params))).text());
  };
}

/** A gateway in front of these servers, which tries again at once where it may at all. */
async function openGateway(directory: string, servers: Json): Promise<[GatewayHandle, string]> {
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: directory,
    readText: (file) =>
      file.endsWith("mcp.json")
        ? Promise.resolve(JSON.stringify({ mcpServers: servers }))
        : readFile(file, "utf8"),
  });
  const limits = {
    ...{
      circuitFailuresMax: 1e9,
      sessionRecoveriesMax: 1e9,
      outputWindowsMax: 1e9,
      lineBytesMax: 65_536,
    },
    ...{ restartMsMin: 1, restartMsMax: 5, httpRetryMsMin: 1, httpRetryMsMax: 5 },
    ...{ reconnectMsMin: 1, reconnectMsMax: 5 },
  };
  const handle = await createGateway({ config, runtime: await createTestRuntime(), limits });
  return [handle, `http://127.0.0.1:${config.port}`];
}

/** Makes all calls, so many at a time, in turns by each client. */
async function callAll(
  clients: readonly Client[],
  faults: readonly string[],
): Promise<Map<string, Heard>> {
  const heard = new Map<string, Heard>();
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < faults.length) {
      const at = next++;
      const call = `${at}: ${faults[at]}`;
      const client = clients[at % clients.length] as Client;
      const params = { name: "work", arguments: { call, fault: faults[at] } };
      heard.set(call, await client(at + 1, params));
    }
  }));
  return heard;
}

/** A program that counts in a file. */
function programCounting(directory: string) {
  const file = join(directory, "executions");
  writeFileSync(file, "");
  return {
    server: programCommand("test/support/counting_child.ts", [file], thisRuntime),
    executions() {
      const counts = new Map<string, number>();
      for (const call of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
        counts.set(call, (counts.get(call) ?? 0) + 1);
      }
      return counts;
    },
  };
}

/** A server that counts, what `mcp.json` has of it, and its faults. */
interface Subject {
  readonly faults: fc.Arbitrary<string>;
  open(directory: string): Promise<{
    readonly server: Json;
    readonly executions: () => ReadonlyMap<string, number>;
    readonly close: () => Promise<void>;
  }>;
}

const openRemote = (kind: typeof remoteKinds[number]): Subject["open"] => async () => {
  const { url, executions, close } = await serveCounting(kind);
  const server = { url, type: kind === "line" ? "sse" : "http" };
  return { server, executions: () => executions, close };
};

/** Faults at random; most calls go well, as most do. */
const drawn = (names: readonly string[]) =>
  fc.oneof({ weight: 1, arbitrary: fc.constant("none") }, {
    weight: 4,
    arbitrary: fc.constantFrom(...names),
  });

const subjects: Readonly<Record<string, Subject>> = {
  ...Object.fromEntries(remoteKinds.map((kind) => [
    `a remote server (${kind})`,
    { faults: drawn(remoteFaultNames(kind)), open: openRemote(kind) },
  ])),
  "a program": {
    // Each death costs a new process.
    faults: fc.oneof({ weight: 12, arbitrary: fc.constant("none") }, {
      weight: 1,
      arbitrary: fc.constantFrom(...childFaultNames),
    }),
    open(directory) {
      const { server, executions } = programCounting(directory);
      return Promise.resolve({ server, executions, close: () => Promise.resolve() });
    },
  },
  "a web API": {
    faults: drawn(webFaultNames),
    async open(directory) {
      const { url, executions, close } = await serveCountingApi();
      writeFileSync(join(directory, "orders.json"), JSON.stringify(countingRecipe(url)));
      return { server: { recipe: "./orders.json" }, executions: () => executions, close };
    },
  },
};

/** The kinds of servers. */
export const countedSubjects: readonly string[] = Object.keys(subjects);

/** What calls came to, by the servers' counts and by what their clients learned. */
export interface CountedCalls {
  readonly calls: number;
  /** Calls that were carried out. */
  readonly executed: number;
  /** Calls whose client learned that it failed. */
  readonly failed: number;
  /** Calls that were carried out more than once. */
  readonly repeated: number;
  /** Calls that were carried out and failed without the outcome `unknown`. */
  readonly unsaid: number;
  /** A sentence for each call that went wrong in any way. */
  readonly problems: readonly string[];
}

/** Makes calls with random faults to one kind of server behind a gateway of their own. */
export async function runCounted(name: string, seed: number, calls: number): Promise<CountedCalls> {
  const subject = subjects[name];
  if (subject === undefined) throw new Error(`No server of the kind "${name}" counts`);
  const directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-outcomes-"));
  const { server, executions, close } = await subject.open(directory);
  const [handle, origin] = await openGateway(directory, {
    counted: { ...server, callTimeoutMs: 500 },
  });
  try {
    const url = `${origin}/servers/counted/mcp`;
    const clients = [
      await openHandshakeClient(handle, url),
      openStatelessClient(handle, url),
      await openHandshakeClient(handle, url),
    ];
    const faults = fc.sample(subject.faults, { seed, numRuns: calls });
    return judgeCounted(await callAll(clients, faults), executions());
  } finally {
    handle.drain();
    await handle.close();
    await close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function judgeCounted(
  heard: ReadonlyMap<string, Heard>,
  counts: ReadonlyMap<string, number>,
): CountedCalls {
  const times = (call: string) => counts.get(call) ?? 0;
  const isUnsaid = ([call, { isFailure, outcome }]: readonly [string, Heard]) =>
    isFailure && times(call) > 0 && outcome !== "unknown";
  const all = [...heard];
  return {
    calls: all.length,
    executed: counts.size,
    failed: all.filter(([, { isFailure }]) => isFailure).length,
    repeated: all.filter(([call]) => times(call) > 1).length,
    unsaid: all.filter(isUnsaid).length,
    problems: all.flatMap(([call, { isFailure, outcome, text }]) => {
      const count = times(call);
      if (count > 1) return [`${call}: carried out ${count} times`];
      if (!isFailure) return count === 1 ? [] : [`${call}: a success that never was: ${text}`];
      if (!["not_sent", "refused", "unknown"].includes(`${outcome}`)) {
        return [`${call}: no outcome: ${text}`];
      }
      return count === 1 && outcome !== "unknown" ? [`${call}: ${outcome}: ${text}`] : [];
    }),
  };
}
