/** Many sessions at once, with equal request ids: no session sees another's answer. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 120_000;
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({
    servers: {
      common: { ...hostileCommand(), isolation: "shared" },
      own: hostileCommand(),
    },
  });
}, testMs);
afterAll(() => gateway.dispose(), testMs);

/** Calls made by each session, as many at once as a busy client makes. */
async function callAll(url: string, tool: string, sessions: number, calls: number) {
  const wrong: string[] = [];
  const opened = await Promise.all(Array.from({ length: sessions }, () => openRpcSession(url)));
  await Promise.all(opened.map(async (session) => {
    const atOnce = 10;
    for (let first = 0; first < calls; first += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, async (_, offset) => {
        const id = first + offset;
        const nonce = `${session.id} ${id}`;
        const answer = await session.callTool(id, tool, { nonce });
        if (answer !== nonce) wrong.push(`${nonce} got ${answer}`);
      }));
    }
  }));
  expect(new Set(opened.map(({ id }) => id)).size).toBe(sessions);
  await Promise.all(opened.map((session) => session.end()));
  return wrong;
}

test(
  "D1 fifty sessions with equal ids share a process: 4,000 answers reach their own callers",
  async () => {
    expect(await callAll(`${gateway.url}/mcp`, "common__nonce", 50, 80)).toEqual([]);
  },
  testMs,
);

test("A10 sessions with processes of their own and equal ids get their own answers", async () => {
  expect(await callAll(`${gateway.url}/servers/own/mcp`, "nonce", 6, 150)).toEqual([]);
}, testMs);
