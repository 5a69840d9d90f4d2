/**
 * A new reading of `mcp.json` while clients of both eras call without a pause, against the real
 * gateway as a process: what changes is replaced, and no call is lost.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { request } from "../support/http_harness.ts";
import { sendSignal } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { envelope, mirror } from "../support/stateless_client.ts";
import { testMsMax, until } from "../support/wait.ts";

const reloads = 12;
const sessions = 4;
const statelessClients = 2;
/** Longer than a reload takes: some of these calls begin before it and end after it. */
const slowMs = 400;

let gateway: SpawnedGateway | undefined;

afterEach(() => gateway?.dispose(), testMsMax);

/** The servers of one version of the file; the last one is the same in all of them. */
const serversOf = (version: number) => ({
  changing: { ...hostileCommand(), env: { VERSION: String(version) }, isolation: "session" },
  shared: { ...hostileCommand(), env: { VERSION: String(version) }, isolation: "shared" },
  same: { ...hostileCommand(), isolation: "shared" },
});

const names = Object.keys(serversOf(0));

type Call = (name: string, args: Record<string, unknown>) => Promise<string>;

async function sessionCalls(url: string): Promise<Call> {
  const session = await openRpcSession(`${url}/mcp`);
  let id = 0;
  return (name, args) => session.callTool(++id, name, args);
}

function statelessCalls(url: string): Call {
  let id = 0;
  return async (name, args) => {
    const params = { name, arguments: args };
    const response = await fetch(`${url}/mcp`, {
      method: "POST",
      headers: mirror("tools/call", params),
      body: JSON.stringify(request(++id, "tools/call", { ...params, _meta: envelope() })),
    });
    const text = await response.text();
    const found = /"text":"([^"]*)"/.exec(text)?.[1];
    if (found === undefined) throw new Error(`No text in ${response.status} ${text}`);
    return found;
  };
}

/** What all clients together have got so far. */
interface Tally {
  answered: number;
  readonly failures: string[];
  isOver: boolean;
}

/** Calls each server in turn, one call after the other, until the test is over. */
async function callAlong(tally: Tally, who: string, call: Call): Promise<void> {
  for (let made = 0; !tally.isOver; made += 1) {
    const server = names[made % names.length];
    const nonce = `${who}-${made}`;
    const isSlow = made % 5 === 0;
    const [tool, args] = isSlow ? ["slow", { ms: slowMs }] as const : ["nonce", { nonce }] as const;
    const text = await call(`${server}__${tool}`, args).catch(String);
    if (text === (isSlow ? "done" : nonce)) tally.answered += 1;
    else tally.failures.push(`${server}: ${text}`);
  }
}

describe("reading the configuration again under load", () => {
  test("loses no call, by an edit or by SIGHUP", async () => {
    gateway = await spawnGateway({ servers: serversOf(0) });
    const { url, pid, directory, log } = gateway;
    const tally: Tally = { answered: 0, failures: [], isOver: false };
    const clients: [string, Call][] = [];
    for (let index = 0; index < sessions; index += 1) {
      clients.push([`session-${index}`, await sessionCalls(url)]);
    }
    for (let index = 0; index < statelessClients; index += 1) {
      clients.push([`stateless-${index}`, statelessCalls(url)]);
    }
    const running = clients.map(([who, call]) => callAlong(tally, who, call));
    const readings = () => log().split("again servers=3").length;
    for (let version = 1; version <= reloads; version += 1) {
      const before = readings();
      writeFileSync(
        join(directory, "mcp.json"),
        JSON.stringify({ mcpServers: serversOf(version) }),
      );
      if (version % 2 === 0) sendSignal(pid, "SIGHUP");
      await until("the file to be read again", () => readings() > before);
      // Every second reading follows at once, while the calls still look for the servers of the last.
      const { answered } = tally;
      if (version % 4 < 2) continue;
      await until("more calls to end", () => tally.answered >= answered + 2 * clients.length);
    }
    tally.isOver = true;
    await Promise.all(running);
    expect(tally.failures).toEqual([]);
  }, testMsMax);
});
