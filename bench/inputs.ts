/**
 * Generated bad requests: messages, headers, paths and bytes that are almost right, in an order that
 * a seed repeats. Each must be answered or refused in time, none with an unplanned status of 500 or
 * more, and the calls of another session all succeed meanwhile.
 *
 *   bun bench inputs                   deno run -A bench/run.ts inputs
 *   … --inputs=200000                  the figure; the default is 2,000
 *   … --seed=1 --at-once=8 --json=FILE
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { createSeededRandom } from "../test/support/random.ts";
import { openRpcSession } from "../test/support/rpc_session.ts";
import { spawnGateway } from "../test/support/spawn_gateway.ts";
import { badRequest, sendBad } from "./support/bad_requests.ts";
import { finish, numberOption, seedOption } from "./support/row.ts";

const inputs = numberOption("inputs", 2_000);
const atOnce = numberOption("at-once", 8);
const seed = seedOption();
const random = createSeededRandom(seed);
/** Between two calls of the canary. */
const pauseMs = 50;

const gateway = await spawnGateway({
  servers: { kid: { ...hostileCommand(), isolation: "shared", callTimeoutMs: 5_000 } },
});
const statuses: Record<string, number> = {};
const unplanned: string[] = [];
const canary = { answered: 0, failed: 0, reasons: [] as string[] };
let [sent, hangs] = [0, 0];
let isAlive = false;

async function sendInputs(session: string): Promise<void> {
  while (sent < inputs) {
    sent += 1;
    const request = badRequest(random, session);
    const { status, isPlanned } = await sendBad(gateway.port, request);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === "none in time") hangs += 1;
    if (!isPlanned && unplanned.length < 10) unplanned.push(request);
  }
}

async function playCanary(): Promise<void> {
  const session = await openRpcSession(`${gateway.url}/mcp`);
  for (let id = 1; sent < inputs; id += 1) {
    const nonce = `canary ${id}`;
    const text = await session.callTool(id, "nonce", { nonce }).catch(String);
    if (text === nonce) canary.answered += 1;
    else {
      canary.failed += 1;
      if (canary.reasons.length < 5) canary.reasons.push(text);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

try {
  const { pid } = gateway;
  const { id } = await openRpcSession(`${gateway.url}/mcp`);
  await Promise.all([playCanary(), ...Array.from({ length: atOnce }, () => sendInputs(id))]);
  isAlive = gateway.pid === pid && (await fetch(`${gateway.url}/ready`)).status === 200 &&
    !gateway.log().includes("Caught an unexpected fault");
} finally {
  await gateway.dispose();
}

finish("inputs", { seed, inputs, statuses, hangs, unplanned, isAlive, canary }, [
  ["the gateway goes on", isAlive],
  ["each input is answered or refused in time", hangs === 0],
  ["no unplanned status of 500 or more", unplanned.length === 0],
  ["the canary's calls succeed", canary.failed === 0],
]);
