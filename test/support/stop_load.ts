/**
 * Clients that call a gateway at a rate while it stops, and what became of each call: the program
 * that they call writes down what it carries out (counting_child.ts).
 */
import { readFileSync } from "node:fs";
import { request as sendRequest } from "node:http";
import { join } from "node:path";
import { canReadProcesses, descendants, isAlive } from "./processes.ts";
import { initialize, jsonHeaders, request } from "./http_harness.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "./spawn_gateway.ts";
import { until } from "./wait.ts";

/** How much is called. */
export interface StopLoad {
  /** Calls a second. */
  readonly rate: number;
  /** How long clients call before the signal. */
  readonly ms: number;
  /** The longest that a call takes. */
  readonly callMsMax: number;
  readonly random: () => number;
}

/** What became of the calls, and of the gateway. */
export interface StopOutcome {
  readonly calls: number;
  readonly answered: number;
  /** Calls that began before the signal and were answered after it. */
  readonly finished: number;
  /** Calls that were refused, and not carried out. */
  readonly refused: number;
  /** Calls that came when the port closed, or later. */
  readonly late: number;
  /** Calls without an end, though they were carried out or the gateway had them before the signal. */
  readonly lost: readonly string[];
  readonly exitCode: number | null;
  readonly exitMs: number;
  /** Processes of servers that are left. */
  readonly orphans: readonly number[];
}

const sessionCount = 4;
const openCallsMax = 400;

/** Starts a gateway with such a program. */
export async function startForStops(env: Readonly<Record<string, string>> = {}) {
  return await spawnGateway({
    servers: {
      work: { ...programCommand("test/support/counting_child.ts", ["calls"]), isolation: "shared" },
    },
    env,
  });
}

/** One call. */
interface Sent {
  readonly name: string;
  /** The gateway has it before the signal: it has answered a later request. */
  isEarly: boolean;
  /** `none`: the connection ended without an answer. */
  end: "result" | "refused" | "error" | "none" | undefined;
  isFinishedLate: boolean;
}

/** Calls, stops the gateway meanwhile, and goes on calling until it has ended. */
export async function stopUnderLoad(
  gateway: SpawnedGateway,
  { rate, ms, callMsMax, random }: StopLoad,
): Promise<StopOutcome> {
  const sessions = await Promise.all(Array.from({ length: sessionCount }, () => open(gateway)));
  const sent: Sent[] = [];
  const running: Set<Promise<void>> = new Set();
  let isStopping = false;
  const begin = (): void => {
    if (running.size >= openCallsMax) return;
    const name = `call-${gateway.pid}-${sent.length}`;
    const one: Sent = { name, isEarly: false, end: undefined, isFinishedLate: false };
    sent.push(one);
    const args = { call: name, fault: "none", ms: Math.floor(random() * callMsMax) };
    const session = sessions[sent.length % sessions.length] ?? "";
    const done: Promise<void> = call(gateway, session, sent.length, args).then((end) => {
      one.end = end;
      one.isFinishedLate = isStopping;
      running.delete(done);
    });
    running.add(done);
  };
  const timer = setInterval(begin, 1_000 / rate);
  await new Promise((resolve) => setTimeout(resolve, ms));
  await until("an answer", () => sent.some(({ end }) => end === "result"));
  const early = [...sent];
  await open(gateway);
  for (const one of early) one.isEarly = true;
  const programs = canReadProcesses ? descendants(gateway.pid) : [];
  isStopping = true;
  const begunAt = performance.now();
  const exitCode = await gateway.stop();
  const exitMs = performance.now() - begunAt;
  clearInterval(timer);
  await Promise.all(running);
  await until("the programs to end", () => !programs.some(isAlive), 2_000).catch(() => {});
  return {
    ...judge(sent, executedIn(gateway)),
    exitCode,
    exitMs,
    orphans: programs.filter(isAlive),
  };
}

function executedIn({ directory }: SpawnedGateway): ReadonlySet<string> {
  return new Set(readFileSync(join(directory, "calls"), "utf8").split("\n"));
}

function judge(sent: readonly Sent[], executed: ReadonlySet<string>) {
  const count = (fits: (one: Sent) => boolean): number => sent.filter(fits).length;
  const isLost = ({ name, isEarly, end }: Sent): boolean =>
    end === "none" && (isEarly || executed.has(name)) ||
    end === "refused" && executed.has(name) || end === "error" ||
    end === "result" && !executed.has(name);
  return {
    calls: sent.length,
    answered: count(({ end }) => end === "result"),
    finished: count(({ end, isEarly, isFinishedLate }) =>
      end === "result" && isEarly && isFinishedLate
    ),
    refused: count(({ end }) => end === "refused"),
    late: count(({ end, isEarly, name }) => end === "none" && !isEarly && !executed.has(name)),
    lost: sent.filter(isLost).map(({ name, end }) => `${name} ${end}`),
  };
}

/** Opens a session; resolves with its id. */
async function open({ port }: SpawnedGateway): Promise<string> {
  const { headers } = await send(port, {}, initialize("2025-11-25"));
  return String(headers["mcp-session-id"]);
}

async function call(
  { port }: SpawnedGateway,
  session: string,
  id: number,
  args: Readonly<Record<string, unknown>>,
): Promise<NonNullable<Sent["end"]>> {
  const body = request(id, "tools/call", { name: "work", arguments: args });
  try {
    const { status, text } = await send(port, { "mcp-session-id": session }, body);
    if (text.includes('"result"')) return "result";
    return status === 503 && text.includes('"draining"') ? "refused" : "error";
  } catch {
    return "none";
  }
}

/** Sends a message on a connection of its own; rejects unless the whole answer comes. */
function send(port: number, headers: Readonly<Record<string, string>>, body: unknown) {
  type Answer = { status: number; headers: Record<string, unknown>; text: string };
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = sendRequest({
      ...{ host: "127.0.0.1", port, method: "POST", path: "/mcp", agent: false },
      headers: { ...jsonHeaders, ...headers },
    }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => void (text += chunk));
      incoming.on("error", reject).on("aborted", () => reject(new Error("cut")));
      incoming.on(
        "end",
        () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}
