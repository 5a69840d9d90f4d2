/**
 * The bridge between one client on stdin and stdout and the gateway: each line is read, and goes
 * the way of its era. A line that is no message gets an error, and the next one is read. Not here:
 * sessions (session_leg.ts) and requests without one (stateless_leg.ts).
 */
import { sleep, systemClock } from "../../clock.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { idOf, isJsonObject, parseJson } from "../../protocol/jsonrpc.ts";
import { idAtEnds, readRelayedLine, type RelayedLine } from "../../protocol/relayed_line.ts";
import { type LineHandler, readLines } from "../../upstream/stdio/line_reader.ts";
import type { GatewayHttp } from "./gateway_http.ts";
import type { Bridge } from "./bridge_parts.ts";
import type { LineOutput } from "./line_output.ts";
import { type ClientRequest, createClientRequests, fail } from "./client_requests.ts";
import { createSessionLeg, type SessionLeg } from "./session_leg.ts";
import { createStatelessLeg, type StatelessLeg } from "./stateless_leg.ts";

/** What a bridge connects. */
export interface BridgeOptions {
  readonly http: GatewayHttp;
  readonly out: LineOutput;
  readonly input: ReadableStream<Uint8Array>;
  readonly limits: Limits;
  /** For stderr. */
  readonly note: (line: string) => void;
  /** Ends the bridge at once. */
  readonly signal: AbortSignal;
}

interface RunningBridge extends Bridge {
  readonly session: SessionLeg;
  readonly stateless: StatelessLeg;
  /** Requests that end by themselves. */
  readonly running: Set<Promise<void>>;
  /** Notifications and answers on their way. */
  readonly asides: Set<Promise<void>>;
}

/** Runs the bridge until stdin ends, the client has left, or the signal aborts. */
export async function runBridge(options: BridgeOptions): Promise<void> {
  const { http, out, input, limits, note, signal } = options;
  const closing = new AbortController();
  const common: Bridge = {
    http,
    out,
    limits,
    note,
    open: createClientRequests(),
    closing: closing.signal,
  };
  const bridge: RunningBridge = {
    ...common,
    session: createSessionLeg(common),
    stateless: createStatelessLeg(common),
    running: new Set(),
    asides: new Set(),
  };
  const handler: LineHandler = {
    lines: (lines) => takeLines(bridge, lines),
    tooLong: (line) => {
      const { bytes } = line;
      const text = `Cannot take a line of ${bytes} bytes: expected ${limits.lineBytesMax} at most`;
      void out.write(errorLine(idAtEnds(line), new GatewayError("body_too_large", text)));
    },
    fault: (fault) => note(`Cannot read stdin: ${fault}`),
  };
  const reader = readLines(input, handler, limits, systemClock);
  const leaving = new Promise<void>((resolve) => {
    for (const end of [signal, out.closed]) {
      end.addEventListener("abort", () => resolve());
      if (end.aborted) resolve();
    }
  });
  const drained = reader.ended.then(() => drain(bridge, closing.signal));
  await Promise.race([leaving, drained]);
  reader.stop();
  closing.abort();
  await bridge.session.end();
}

/** What still runs at the end of stdin may finish; streams of notices never do. */
async function drain({ running, asides, limits }: RunningBridge, signal: AbortSignal) {
  const all = async () => {
    while (running.size + asides.size > 0) await Promise.all([...running, ...asides]);
  };
  await Promise.race([all(), sleep(systemClock, limits.bridgeDrainMs, signal)]);
}

async function takeLines(bridge: RunningBridge, lines: readonly string[]): Promise<void> {
  for (const text of lines) {
    if (bridge.closing.aborted) return;
    if (text.trim() === "") continue;
    let line: RelayedLine;
    try {
      line = readRelayedLine(text, bridge.limits);
    } catch (thrown) {
      await refuse(bridge, text, toGatewayError(thrown));
      continue;
    }
    await takeLine(bridge, line);
  }
}

/** Takes a line; waits only while too many notifications and answers are on their way. */
async function takeLine(bridge: RunningBridge, line: RelayedLine): Promise<void> {
  const { limits, asides, running } = bridge;
  if (line.requests.length === 0) {
    const aside = takeAside(bridge, line);
    if (aside === undefined) return;
    track(asides, aside);
    while (asides.size > limits.bridgeAsidesMax) await Promise.race(asides);
    return;
  }
  const requests = await register(bridge, line);
  if (requests === undefined) return;
  const isStateless = line.kind === "stateless" || line.kind === "listen";
  const [first] = requests;
  const work = isStateless && first !== undefined
    ? bridge.stateless.request(line, first)
    : bridge.session.request(line, requests);
  const answered = work
    .catch((thrown) => fail(bridge.out, requests, toGatewayError(thrown)))
    .finally(() => requests.forEach((request) => bridge.open.remove(request)));
  if (line.kind !== "listen") track(running, answered);
}

function takeAside(bridge: RunningBridge, line: RelayedLine): Promise<void> | undefined {
  const { cancelled, kind } = line;
  const named = cancelled === undefined ? undefined : bridge.open.find(cancelled);
  if (named !== undefined) {
    named.cancellation = line;
    named.cancelled.abort();
  }
  if (kind === "idle" || bridge.stateless.owns(named)) return undefined;
  return bridge.session.aside(line).catch((thrown) => {
    if (!bridge.closing.aborted) bridge.note(`Cannot pass a message on: ${textOf(thrown)}`);
  });
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The requests of a line as open ones; undefined if they were refused. */
async function register(
  bridge: RunningBridge,
  { text, requests }: RelayedLine,
): Promise<ClientRequest[] | undefined> {
  const { open, limits } = bridge;
  if (open.size() + requests.length > limits.bridgeRequestsMax) {
    const message = `Cannot take more than ${limits.bridgeRequestsMax} requests at once`;
    const error = new GatewayError("overloaded", message, { data: { outcome: "not_sent" } });
    for (const { id } of requests) await bridge.out.write(errorLine(id, error));
    return undefined;
  }
  const added = requests.map((request) => open.add(request));
  const taken = added.filter((entry) => entry !== undefined);
  if (taken.length === requests.length) return taken;
  for (const entry of taken) open.remove(entry);
  const message = "Cannot take the request: its id belongs to one that is still open";
  await refuse(bridge, text, new GatewayError("invalid_request", message));
  return undefined;
}

/** Answers what is no message with an error, which names the request if its id can be read. */
async function refuse(
  { out, limits }: Bridge,
  text: string,
  error: GatewayError,
): Promise<void> {
  await out.write(errorLine(idIn(text, limits), error));
}

function idIn(text: string, limits: Limits) {
  try {
    const value = parseJson(text, limits, false);
    // The id of an answer belongs to a request of the server.
    return isJsonObject(value) && value.method !== undefined ? idOf(value, limits) : undefined;
  } catch {
    return undefined;
  }
}

/** JSON-RPC 2.0 wants null for an id that cannot be read. */
function errorLine(id: string | number | undefined, error: GatewayError): string {
  return JSON.stringify({ jsonrpc: "2.0", id: id ?? null, error: error.toRpc() });
}

function track(set: Set<Promise<void>>, work: Promise<void>): void {
  const tracked = work.finally(() => set.delete(tracked));
  set.add(tracked);
}
