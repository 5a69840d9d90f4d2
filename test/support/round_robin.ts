/**
 * A load balancer without affinity: each request goes to the next instance that says it is ready.
 * An
 * answer passes as it comes, and a client that leaves disconnects from its instance. A request goes
 * to another instance only if the connection was refused, so that none is sent twice.
 */
import { Buffer } from "node:buffer";
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendRequest,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** One instance behind the balancer. */
interface Target {
  readonly port: number;
  readonly agent: Agent;
  isReady: boolean;
}

/** What came of a request at an instance. */
export interface Exchange {
  readonly method: string;
  /** The session that it named or, of a handshake, that it opened. */
  readonly session: string | undefined;
  readonly isHandshake: boolean;
  /** The instance's place in the list. */
  readonly target: number;
  /** Undefined: the connection broke before the head of an answer. */
  readonly status: number | undefined;
  /** From the arrival of the request to the end of its answer. */
  readonly ms: number;
}

/** A balancer that listens. */
export interface RoundRobin {
  readonly port: number;
  /** `http://localhost:<port>`. */
  readonly url: string;
  /** Puts an instance at a place of the list; it is ready. */
  set(place: number, port: number): void;
  close(): Promise<void>;
}

/** The name of the response header that has the place of the instance which got the request. */
export const placeHeader = "x-place";

/** How often each instance is asked. */
const lookMs = 250;
const lookMsMax = 2_000;

/** Listens on a port that the system chooses. `heard` is called at the end of each exchange. */
export async function serveRoundRobin(heard?: (exchange: Exchange) => void): Promise<RoundRobin> {
  const targets: Target[] = [];
  const state = { turn: 0 };
  const server = createServer(
    { keepAliveTimeout: 60_000 },
    (incoming, outgoing) => {
      const begun = performance.now();
      const parts: Uint8Array[] = [];
      incoming.on("data", (part: Uint8Array) => parts.push(part));
      incoming.on("end", () => {
        const body = parts.length === 0 ? undefined : Buffer.concat(parts);
        passOn({ targets, state, heard, incoming, outgoing, body, begun, tried: 0 });
      });
    },
  );
  // Streams of clients stay open for as long as they like.
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  const look = async (): Promise<void> => {
    await Promise.all(targets.map(async (target) => {
      const response = await fetch(`http://127.0.0.1:${target.port}/ready`, {
        signal: AbortSignal.timeout(lookMsMax),
      }).catch(() => undefined);
      await response?.body?.cancel();
      target.isReady = response?.status === 200;
    }));
  };
  const timer = setInterval(() => void look(), lookMs);
  return {
    port,
    url: `http://localhost:${port}`,
    set(place, at) {
      const target = targets[place];
      if (target?.port === at) target.isReady = true;
      else targets[place] = { port: at, agent: new Agent({ keepAlive: true }), isReady: true };
    },
    async close() {
      clearInterval(timer);
      for (const { agent } of targets) agent.destroy();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A request on its way. */
interface Passing {
  readonly targets: readonly Target[];
  readonly state: { turn: number };
  readonly heard: ((exchange: Exchange) => void) | undefined;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: Buffer | undefined;
  readonly begun: number;
  /** Instances that refused a connection for it. */
  tried: number;
}

/** The place of the next instance that is ready, or of the next one if none is. */
function nextPlace({ targets, state }: Passing): number {
  for (let step = 0; step < targets.length; step += 1) {
    state.turn = (state.turn + 1) % targets.length;
    if (targets[state.turn]?.isReady === true) break;
  }
  return state.turn;
}

function passOn(passing: Passing): void {
  const { targets, incoming, outgoing, body } = passing;
  const place = nextPlace(passing);
  const target = targets[place];
  if (target === undefined) return void outgoing.writeHead(503).end();
  const { port, agent } = target;
  const upstream = sendRequest({
    ...{ host: "127.0.0.1", port, agent },
    method: incoming.method,
    path: incoming.url,
    headers: ownOf(incoming.headers),
  });
  const leave = (): void => void (outgoing.writableFinished || upstream.destroy());
  outgoing.once("close", leave);
  upstream.on("error", (fault: Error & { readonly code?: string }) => {
    outgoing.off("close", leave);
    if (!refusals.has(fault.code ?? "")) return breakOff(passing, place);
    target.isReady = false;
    passing.tried += 1;
    if (passing.tried < targets.length) passOn(passing);
    else breakOff(passing, place);
  });
  upstream.once("response", (answer) => answerWith(passing, place, upstream, answer));
  upstream.end(body);
}

/** Nothing was sent. */
const refusals: ReadonlySet<string> = new Set(["ECONNREFUSED", "ConnectionRefused"]);

const hops: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding"]);

/** The headers that are not those of one connection. */
const ownOf = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hops.has(name)));

function answerWith(
  passing: Passing,
  place: number,
  upstream: ClientRequest,
  answer: IncomingMessage,
): void {
  const { outgoing } = passing;
  outgoing.writeHead(answer.statusCode ?? 502, {
    ...ownOf(answer.headers),
    [placeHeader]: String(place),
  });
  outgoing.flushHeaders();
  answer.pipe(outgoing);
  answer.once("end", () => tell(passing, place, answer));
  // Half an answer must not look whole.
  answer.once("aborted", () => outgoing.destroy());
  answer.once("error", () => outgoing.destroy());
  upstream.once("close", () => void (answer.complete || outgoing.destroy()));
}

/** The instance is gone, and nothing says whether it did anything. */
function breakOff(passing: Passing, place: number): void {
  const { outgoing } = passing;
  tell(passing, place, undefined);
  if (outgoing.headersSent) outgoing.destroy();
  else outgoing.writeHead(502, { [placeHeader]: String(place) }).end();
}

function tell(
  { heard, incoming, begun }: Passing,
  target: number,
  answer: IncomingMessage | undefined,
): void {
  if (heard === undefined) return;
  const named = incoming.headers["mcp-session-id"];
  const opened = answer?.headers["mcp-session-id"];
  const session = named ?? opened;
  heard({
    method: incoming.method ?? "",
    session: session === undefined ? undefined : String(session),
    isHandshake: named === undefined && opened !== undefined,
    target,
    status: answer?.statusCode,
    ms: performance.now() - begun,
  });
}
