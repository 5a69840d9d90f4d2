/**
 * The clients of `bench instances`: sessions of each handshake revision, streams of HTTP+SSE, and
 * stateless clients, by hand. A client says how each call ended, as its user would hear it, and
 * resumes a stream that breaks.
 */
import { readEvents } from "../../test/support/event_reader.ts";
import { framesOf, initialize, jsonHeaders, request } from "../../test/support/http_harness.ts";
import { placeHeader } from "../../test/support/round_robin.ts";
import { envelope, mirror } from "../../test/support/stateless_client.ts";

type Json = Record<string, unknown>;

/**
 * How a call ended: with a result; with an error that says that the outcome is unknown; refused for
 * now; with a break that the client sees; as a session that is unknown; with another error; or not.
 */
export type EndKind = "result" | "unknown" | "refused" | "broken" | "lost" | "error" | "endless";

/** How a call ended. */
export interface CallEnd {
  readonly kind: EndKind;
  readonly text: string;
  /** The instance that got the call. */
  readonly place: number | undefined;
}

/** One client. */
export interface InstanceClient {
  readonly hasSession: boolean;
  /** The instance at which its session was opened. */
  readonly place?: number | undefined;
  /** Never rejects. */
  call(id: number, name: string, args: Json): Promise<CallEnd>;
  end(): Promise<void>;
}

/** A message as far as it is read here. */
interface Message {
  readonly id?: unknown;
  readonly result?: { readonly isError?: unknown; readonly _meta?: Json };
  readonly error?: { readonly data?: Json };
}

/** No call may take longer. */
const endlessMs = 40_000;
const retryMs = 200;

const refusals: ReadonlySet<number> = new Set([429, 503]);

function kindOf(status: number, message: Message | undefined): EndKind {
  const { result, error } = message ?? {};
  const outcome = error?.data?.["outcome"] ?? result?._meta?.["mcp-wrapper/outcome"];
  if (result !== undefined && result.isError !== true) return "result";
  if (outcome === "unknown") return "unknown";
  if (refusals.has(status)) return "refused";
  if (status === 404) return "lost";
  return message === undefined || status === 502 ? "broken" : "error";
}

const placeOf = ({ headers }: Response): number | undefined => {
  const place = headers.get(placeHeader);
  return place === null ? undefined : Number(place);
};

/** The end of a call by its response; `resume` goes on with a stream that broke. */
async function endOf(
  response: Response,
  id: number,
  resume?: (lastId: string) => Promise<Message | undefined>,
): Promise<CallEnd> {
  const { status } = response;
  const place = placeOf(response);
  let message: Message | undefined;
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    const stream = readEvents(response);
    await stream.ended;
    message = stream.events.find((event) => event.message.id === id)?.message as Message;
    if (message === undefined && stream.lastId !== undefined) {
      message = await resume?.(stream.lastId);
    }
  } else {
    message = await response.json().catch(() => undefined) as Message | undefined;
  }
  return { kind: kindOf(status, message), text: JSON.stringify(message) ?? "", place };
}

/** The end of a call that is sent now. */
async function within(send: (signal: AbortSignal) => Promise<CallEnd>): Promise<CallEnd> {
  const signal = AbortSignal.timeout(endlessMs);
  try {
    return await send(signal);
  } catch (fault) {
    return { kind: signal.aborted ? "endless" : "broken", text: String(fault), place: undefined };
  }
}

const callOf = (id: number, name: string, args: Json) =>
  request(id, "tools/call", { name, arguments: args as never });

/** Shakes hands as a client of a revision. */
async function openSession(url: string, revision: string): Promise<InstanceClient> {
  const hello = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: jsonHeaders,
    body: JSON.stringify(initialize(revision)),
  });
  const text = await hello.text();
  const session = hello.headers.get("mcp-session-id");
  if (session === null) throw new Error(`Cannot open a session: ${hello.status} ${text}`);
  const headers = {
    ...jsonHeaders,
    "mcp-session-id": session,
    "mcp-protocol-version": revision,
  };
  const post = (body: unknown, signal?: AbortSignal) =>
    fetch(`${url}/mcp`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      ...(signal !== undefined && { signal }),
    });
  await (await post({ jsonrpc: "2.0", method: "notifications/initialized" })).text();
  const resume = (id: number, signal: AbortSignal) => async (lastId: string) => {
    for (let last = lastId; !signal.aborted;) {
      const again = await fetch(`${url}/mcp`, {
        headers: { ...headers, accept: "text/event-stream", "last-event-id": last },
        signal,
      });
      const stream = readEvents(again);
      await stream.ended;
      const found = stream.events.find((event) => event.message.id === id)?.message;
      if (found !== undefined) return found as Message;
      last = stream.lastId ?? last;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    return undefined;
  };
  return {
    hasSession: true,
    place: placeOf(hello),
    call: (id, name, args) =>
      within(async (signal) =>
        await endOf(await post(callOf(id, name, args), signal), id, resume(id, signal))
      ),
    async end() {
      await (await fetch(`${url}/mcp`, { method: "DELETE", headers })).body?.cancel();
    },
  };
}

/** Opens a stream of HTTP+SSE, on which all answers come. */
async function openLine(url: string): Promise<InstanceClient> {
  const left = new AbortController();
  const response = await fetch(`${url}/sse`, {
    headers: { accept: "text/event-stream" },
    signal: left.signal,
  });
  const frames = framesOf(response);
  const path = (await frames.next())?.data ?? "";
  const waiting = new Map<unknown, (message: Message | undefined) => void>();
  const read = async () => {
    for (;;) {
      const message = await frames.message() as Message;
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  };
  read().catch(() => {
    for (const hear of waiting.values()) hear(undefined);
    waiting.clear();
  });
  const ask = async (body: { readonly id?: unknown }, signal?: AbortSignal): Promise<CallEnd> => {
    const heard = new Promise<Message | undefined>((resolve) => waiting.set(body.id, resolve));
    const posted = await fetch(`${url}${path}`, {
      method: "POST",
      headers: jsonHeaders,
      body: JSON.stringify(body),
      ...(signal !== undefined && { signal }),
    });
    if (posted.status !== 202) return await endOf(posted, Number(body.id));
    await posted.body?.cancel();
    const message = await heard;
    return { kind: kindOf(200, message), text: JSON.stringify(message), place: placeOf(posted) };
  };
  await ask(initialize("2024-11-05") as { readonly id?: unknown });
  return {
    hasSession: true,
    call: (id, name, args) => within((signal) => ask(callOf(id, name, args), signal)),
    end: () => Promise.resolve(left.abort()),
  };
}

/** A client that names itself in each request. */
function openStateless(url: string): Promise<InstanceClient> {
  return Promise.resolve({
    hasSession: false,
    call: (id, name, args) =>
      within(async (signal) => {
        const params = { name, arguments: args as never };
        const response = await fetch(`${url}/mcp`, {
          method: "POST",
          headers: mirror("tools/call", params),
          body: JSON.stringify(request(id, "tools/call", { ...params, _meta: envelope() })),
          signal,
        });
        return await endOf(response, id);
      }),
    end: () => Promise.resolve(),
  });
}

/** How to open a client of each kind; the last one's session ends with its stream. */
const clientKinds: readonly ((url: string) => Promise<InstanceClient>)[] = [
  (url) => openSession(url, "2025-11-25"),
  (url) => openSession(url, "2025-06-18"),
  (url) => openSession(url, "2025-03-26"),
  openStateless,
  openLine,
];

const opensAtOnce = 4;
/** A busy machine may refuse new sessions for a while. */
const openAttempts = 20;

async function openOne(url: string, number: number, kinds: number): Promise<InstanceClient> {
  const open = clientKinds[number % kinds] ?? openStateless;
  for (let attempt = 1;; attempt += 1) {
    try {
      return await open(url);
    } catch (fault) {
      if (attempt === openAttempts) throw fault;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

/** Opens so many clients, of the first kinds in turn. */
export async function openClients(
  url: string,
  count: number,
  kinds: number = clientKinds.length,
): Promise<InstanceClient[]> {
  const clients: InstanceClient[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: opensAtOnce }, async () => {
    while (next < count) {
      const number = next++;
      clients[number] = await openOne(url, number, kinds);
    }
  }));
  return clients;
}
