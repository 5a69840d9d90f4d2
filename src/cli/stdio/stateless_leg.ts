/**
 * Requests without a session: each is one POST, whose end is the end of the request, and which
 * closes when the client cancels. A stream of notices is opened again when the gateway restarts,
 * without the client noticing more than notices. Headers repeat what the specification wants: a
 * tool's own ones are known from its list, which is read if the gateway misses them.
 */
import { putWithin } from "../../bounded.ts";
import { sleep } from "../../clock.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { requestText } from "../../protocol/jsonrpc.ts";
import {
  isHeaderRefusal,
  readListenMessage,
  type RelayedLine,
  statelessHeaders,
} from "../../protocol/relayed_line.ts";
import { beforeFirst, collect, discard, readStream, takeBody } from "./answer_stream.ts";
import type { Bridge } from "./bridge_parts.ts";
import {
  backOff,
  eitherOf,
  errorIn,
  type GatewayAnswer,
  lost,
  postHeaders,
  readText,
  send,
} from "./gateway_http.ts";
import { areOver, type ClientRequest, deliver, fail } from "./client_requests.ts";

/** The requests without a session of one client. */
export interface StatelessLeg {
  /** Carries a request out; resolves when it is over. */
  request(line: RelayedLine, request: ClientRequest): Promise<void>;
  /** Whether a request is one of them. */
  owns(request: ClientRequest | undefined): boolean;
}

interface LegState {
  readonly bridge: Bridge;
  /** Tools by name, with the part of their schema that says which headers a call has. */
  readonly tools: Map<string, JsonObject>;
}

/** Makes it. */
export function createStatelessLeg(bridge: Bridge): StatelessLeg {
  const leg: LegState = { bridge, tools: new Map() };
  const own = new WeakSet<ClientRequest>();
  return {
    async request(line, request) {
      own.add(request);
      const { signal, release } = eitherOf(bridge.closing, request.cancelled.signal);
      try {
        await (line.kind === "listen" ? listen : call)(leg, line, request, signal);
      } finally {
        release();
      }
    },
    owns: (request) => request !== undefined && own.has(request),
  };
}

function post(
  { bridge: { http }, tools }: LegState,
  body: string,
  request: Pick<ClientRequest, "id" | "method" | "params">,
  signal: AbortSignal,
  mayStart = true,
): Promise<GatewayAnswer> {
  const tool = tools.get(String(request.params.name));
  const headers = { ...postHeaders, ...statelessHeaders(request, tool) };
  return send(http, { method: "POST", headers, body, signal, mayStart });
}

async function call(
  leg: LegState,
  { text }: RelayedLine,
  request: ClientRequest,
  signal: AbortSignal,
): Promise<void> {
  const { bridge } = leg;
  let answer = await post(leg, text, request, signal);
  if (answer.status === 400 && request.method === "tools/call") {
    const refused = await readText(answer.body, bridge.limits.bridgeMessageBytesMax);
    const again = isHeaderRefusal(errorIn(refused)?.code ?? 0) &&
      await learnTools(leg, request, signal);
    answer = again
      ? await post(leg, text, request, signal)
      : { ...answer, body: new Blob([refused]).stream() };
  }
  const see = (result: JsonObject) => noteTools(leg, request, result);
  if (answer.isStream) {
    await readStream(
      bridge,
      answer,
      beforeFirst,
      false,
      (message) => deliver(bridge.out, message, [request], see),
    );
  } else await takeBody(bridge, answer, [request], see);
  if (!areOver([request])) await fail(bridge.out, [request], lost());
}

/** Keeps the tools of a list, for the headers of their calls. */
function noteTools(
  { bridge, tools }: LegState,
  { method }: { method: string },
  result: JsonObject,
) {
  if (method !== "tools/list" || !Array.isArray(result.tools)) return;
  for (const tool of result.tools) {
    if (!isJsonObject(tool) || typeof tool.name !== "string") continue;
    // Few tools have headers of their own.
    const isMarked = JSON.stringify(tool.inputSchema ?? {}).includes('"x-mcp-header"');
    if (isMarked) putWithin(tools, tool.name, tool, bridge.limits.bridgeToolsMax);
    else tools.delete(tool.name);
  }
}

/** Reads the list of tools on behalf of the client; false if that changes nothing. */
async function learnTools(
  leg: LegState,
  { params }: ClientRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const { bridge: { limits } } = leg;
  const { progressToken: _, ...meta } = isJsonObject(params._meta) ? params._meta : {};
  let cursor: unknown;
  for (let page = 0; page < limits.bridgePagesMax; page += 1) {
    const list = {
      id: `mcp-wrapper-tools-${page}`,
      method: "tools/list",
      params: { _meta: meta, ...(cursor === undefined ? {} : { cursor }) },
    };
    const text = requestText(list.id, list.method, list.params);
    const [message = ""] = await collect(leg.bridge, await post(leg, text, list, signal));
    const value: unknown = JSON.parse(message);
    const result = isJsonObject(value) ? value.result : undefined;
    if (!isJsonObject(result)) return false;
    noteTools(leg, list, result);
    cursor = result.nextCursor;
    if (cursor === undefined) break;
  }
  return leg.tools.has(String(params.name));
}

/** Keeps a stream of notices until the client cancels it, or the gateway refuses it. */
async function listen(
  leg: LegState,
  { text }: RelayedLine,
  request: ClientRequest,
  signal: AbortSignal,
): Promise<void> {
  const { bridge } = leg;
  const { http: { clock }, limits, out } = bridge;
  let isAcknowledged = false;
  const take = async (message: string): Promise<void> => {
    const read = readListenMessage(message, request.id);
    // The gateway ends its streams when it stops; another one takes its place.
    if (read.kind === "end") return;
    if (read.kind === "error") return await deliver(out, message, [request]);
    if (read.kind === "ack" && isAcknowledged) {
      for (const missed of read.missed) await out.write(missed);
    } else await out.write(message);
    isAcknowledged ||= read.kind === "ack";
  };
  for (let failures = 0; !signal.aborted && !areOver([request]); failures += 1) {
    const answer = await post(leg, text, request, signal, !isAcknowledged)
      .catch((thrown) => {
        if (!isAcknowledged) throw thrown;
      });
    if (answer?.isStream === true) {
      const { hasMoved } = await readStream(bridge, answer, beforeFirst, false, take);
      if (hasMoved) failures = 0;
    } else if (answer !== undefined) {
      if (!isAcknowledged) return await takeBody(bridge, answer, [request]);
      discard(answer);
    }
    await sleep(clock, backOff(limits, failures), signal);
  }
}
