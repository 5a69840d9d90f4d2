/**
 * Calls of many sessions that all use the same ids at the same time, at one program that they share
 * and at a remote server: each answer must have the nonce of its own call (cases A10 and D1).
 *
 *   bun bench nonces                   deno run -A bench/run.ts nonces
 *   … --calls=1000000                  the figure; the default is 5,000
 *   … --sessions=50 --json=FILE
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { openRpcSession, type RpcSession } from "../test/support/rpc_session.ts";
import { spawnGateway } from "../test/support/spawn_gateway.ts";
import { finish, numberOption } from "./support/row.ts";
import { serveSoakRemote } from "./support/soak_remote.ts";

const calls = numberOption("calls", 5_000);
const sessions = numberOption("sessions", 50);

const far = await serveSoakRemote("far");
const gateway = await spawnGateway({
  servers: { kid: { ...hostileCommand(), isolation: "shared" }, far: { url: far.url } },
});
const counts = { own: 0, foreign: 0, failed: 0 };

/** Whether a text belongs to any call of this run. */
const nonceForm = /nonce-\d+-\d+/;

async function callOnce(session: RpcSession, number: number, id: number): Promise<void> {
  const nonce = `nonce-${number}-${id}`;
  const name = id % 4 === 0 ? "far__echo" : "kid__nonce";
  const { result } = await session.request(id, "tools/call", { name, arguments: { nonce } });
  const [found] = nonceForm.exec(JSON.stringify(result ?? "")) ?? [];
  if (found === nonce) counts.own += 1;
  else if (found === undefined) counts.failed += 1;
  else counts.foreign += 1;
}

try {
  const url = `${gateway.url}/mcp`;
  const opened = await Promise.all(Array.from({ length: sessions }, () => openRpcSession(url)));
  await Promise.all(opened.map(async (session, number) => {
    for (let id = 1; id <= calls / sessions; id += 1) await callOnce(session, number, id);
  }));
} finally {
  await gateway.dispose();
  far.close();
}

finish("nonces", { calls, sessions, ...counts }, [
  ["no answer belongs to another call", counts.foreign === 0],
  ["each call is answered", counts.failed === 0],
]);
