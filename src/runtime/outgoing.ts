/**
 * Outgoing HTTP for all runtimes, by `node:http`. It looks up the name, checks each address and
 * connects to exactly that address, so a name that changes between check and use (DNS rebinding)
 * does no harm. It does not follow redirects, retry or decode. It keeps connections for a short
 * time. Not here: which addresses are allowed, and when a request may be repeated (outgoing/).
 */
import { Buffer } from "node:buffer";
import { lookup } from "node:dns/promises";
import { Agent as PlainAgent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { Agent as SecureAgent, request as requestSecurely } from "node:https";
import { isIP } from "node:net";
import { systemClock, withDeadline } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import { toCode } from "./files.ts";
import type { OutgoingRequest, OutgoingResponse, RequestFault } from "./runtime.ts";

/** Makes the requests of one runtime, which share connections. */
export function createOutgoing(): (options: OutgoingRequest) => Promise<OutgoingResponse> {
  const pool = {
    keepAlive: true,
    // The timeout of unused connections. It is short, because a request is lost on a connection
    // that its server is about to close.
    timeout: defaultLimits.connectionIdleMs,
  };
  const agents = { "http:": new PlainAgent(pool), "https:": new SecureAgent(pool) };

  return async (options) => {
    const url = new URL(options.url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const deadline = performance.now() + options.connectMs;
    const addresses = (await resolve(host, options)).filter(options.allowAddress);
    if (addresses.length === 0) {
      throw toFault("forbidden", false, `Cannot connect to "${host}": its address is not allowed`);
    }
    for (const [index, address] of addresses.entries()) {
      // An address that does not answer must leave time for the others.
      const connectMs = Math.max(1, (deadline - performance.now()) / (addresses.length - index));
      try {
        const agent = url.protocol === "https:" ? agents["https:"] : agents["http:"];
        return await exchange({ ...options, connectMs }, url, host, address, agent);
      } catch (thrown) {
        const fault = thrown as RequestFault;
        const mayGoOn = !fault.sent && (fault.kind === "connect" || fault.kind === "timeout");
        if (!mayGoOn || index === addresses.length - 1) throw fault;
      }
    }
    throw toFault("connect", false, `Cannot connect to "${host}"`);
  };
}

async function resolve(host: string, options: OutgoingRequest): Promise<string[]> {
  const { signal, connectMs } = options;
  if (signal.aborted) throw abortFault(false);
  if (isIP(host) !== 0) return [host];
  // A look-up cannot be cancelled; its result is ignored.
  const leave = (): never => {
    throw signal.aborted ? abortFault(false) : timeoutFault(host);
  };
  try {
    const looking = lookup(host, { all: true });
    const found = await withDeadline(systemClock, connectMs, looking, leave, signal);
    return [...new Set(found.map(({ address }) => address))];
  } catch (thrown) {
    if (thrown instanceof Error && "kind" in thrown) throw thrown;
    const code = toCode(thrown) ?? "unknown";
    // A name server that does not answer now may answer later.
    const kind = code === "EAI_AGAIN" ? "connect" : "unknown_host";
    throw toFault(kind, false, `Cannot find the address of "${host}" (${code})`, thrown);
  }
}

/** One request to one address. */
function exchange(
  options: OutgoingRequest,
  url: URL,
  host: string,
  address: string,
  agent: PlainAgent | SecureAgent,
): Promise<OutgoingResponse> {
  const { signal, method, headers, body } = options;
  const secure = url.protocol === "https:";
  return new Promise((resolve, reject) => {
    // An abort during the look-up would not reach the listener below.
    if (signal.aborted) return reject(abortFault(false));
    const outgoing = (secure ? requestSecurely : request)({
      agent,
      host: address,
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      method,
      // Set even for an empty body: without a length, some servers wait for a body.
      headers: {
        ...headers,
        host: url.host,
        ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      },
      ...(secure && isIP(host) === 0 ? { servername: host } : {}),
      ...(secure ? { rejectUnauthorized: true } : {}),
    });
    const phase = watchPhase(outgoing, secure);
    let isAnswered = false;
    const fail = (fault: RequestFault) => {
      reject(fault);
      outgoing.destroy();
    };
    const abort = () => fail(abortFault(phase.sent()));
    const timer = setTimeout(() => {
      if (!phase.sent()) fail(timeoutFault(host));
    }, options.connectMs);
    signal.addEventListener("abort", abort);
    outgoing.on("error", (thrown) => reject(explain(thrown, host, phase)));
    outgoing.on("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      // Made only when it is needed, because an error collects a stack.
      if (isAnswered) return;
      reject(toFault("broken", phase.sent(), `"${host}" closed the connection without an answer`));
    });
    outgoing.on("response", (message) => {
      try {
        resolve(toResponse(message, outgoing, host, signal));
        isAnswered = true;
      } catch (thrown) {
        fail(toFault("broken", true, `The answer of "${host}" is not valid HTTP`, thrown));
      }
    });
    outgoing.end(body);
  });
}

/** How far a request has come. */
interface Phase {
  /** The server, or a proxy in front of it, accepted the connection. */
  connected(): boolean;
  /** Bytes of the request may have reached the server. */
  sent(): boolean;
}

function watchPhase(outgoing: ClientRequest, secure: boolean): Phase {
  let connected = false;
  let sent = false;
  outgoing.on("socket", (socket) => {
    // A kept connection is ready at once, and would collect listeners with each request.
    if (!socket.connecting && outgoing.reusedSocket) {
      // Deno repeats any request whose kept connection ends before the answer, even an aborted one;
      // this flag prevents it.
      outgoing.reusedSocket = false;
      connected = sent = true;
      return;
    }
    socket.once("connect", () => {
      connected = true;
      if (!secure) sent = true;
    });
    socket.once("secureConnect", () => (sent = true));
  });
  return { connected: () => connected, sent: () => sent };
}

function toResponse(
  message: IncomingMessage,
  outgoing: ClientRequest,
  host: string,
  signal: AbortSignal,
): OutgoingResponse {
  const headers = new Headers();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at] ?? "", message.rawHeaders[at + 1] ?? "");
  }
  // The reader of the body gets the error. Without a reader it must not become an unhandled
  // rejection.
  message.on("error", () => {});
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (thrown) {
        throw signal.aborted
          ? abortFault(true)
          : toFault("broken", true, `"${host}" broke off its answer`, thrown);
      }
    },
    cancel() {
      outgoing.destroy();
    },
  }, { highWaterMark: 0 });
  return { status: message.statusCode ?? 0, headers, body };
}

const brokenCodes = new Set(["ECONNRESET", "EPIPE", "ERR_SOCKET_CLOSED", "ETIMEDOUT"]);

function explain(thrown: Error, host: string, phase: Phase): RequestFault {
  const code = toCode(thrown) ?? "unknown";
  if (phase.sent()) {
    return toFault("broken", true, `The connection to "${host}" broke (${code})`, thrown);
  }
  return phase.connected() && !brokenCodes.has(code)
    ? toFault("tls", false, `Cannot trust the connection to "${host}" (${code})`, thrown)
    : toFault("connect", false, `Cannot connect to "${host}" (${code})`, thrown);
}

function abortFault(sent: boolean): RequestFault {
  return toFault("aborted", sent, "The request was cancelled");
}

function timeoutFault(host: string): RequestFault {
  return toFault("timeout", false, `Cannot connect to "${host}" in time`);
}

function toFault(
  kind: RequestFault["kind"],
  sent: boolean,
  message: string,
  cause?: unknown,
): RequestFault {
  return Object.assign(new Error(message, { cause }), { kind, sent });
}
