/**
 * Clients of both eras for a model of many calls at once: each call keeps every message that its
 * client gets, and a client can leave one at any moment. Nothing here waits for an answer.
 */
import { initialize, jsonHeaders, request } from "./http_harness.ts";
import type { PlayedGateway } from "./played_gateway.ts";
import { envelope, mirror } from "./stateless_client.ts";

type Json = Readonly<Record<string, unknown>>;

/** A message that a client heard. */
export interface HeardMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Json };
}

/** All that came on one response. */
export interface Heard {
  readonly messages: HeardMessage[];
  status: number | undefined;
  /** The response ended, or the client left. */
  isOver: boolean;
}

/** One request of a client. */
export interface PlayedCall {
  readonly id: string | number;
  readonly heard: Heard;
  /** The client disconnects. */
  leave(): void;
}

/** What a call asks for. */
export interface CallWish {
  readonly id: string | number;
  readonly tool: string;
  readonly args: Json;
  /** Absent: it wants no progress. */
  readonly token: string | number | undefined;
}

/** One client. */
export interface PlayedClient {
  readonly isStateless: boolean;
  /** What came on its standalone stream; a stateless client has none. */
  readonly stream: Heard | undefined;
  call(wish: CallWish): PlayedCall;
  /** Gives a call up in the way of its era. */
  cancel(call: PlayedCall): void;
  /** Ends its session. */
  end(): Promise<void>;
}

/** Takes the id of a request of the server. */
type Asked = (id: string | number) => void;

/** Reads a response to its end, however it ends. */
async function hear(
  answer: Promise<Response>,
  heard: Heard,
  left: AbortSignal,
  asked: Asked,
): Promise<void> {
  try {
    const response = await answer;
    heard.status = response.status;
    const isStream = response.headers.get("content-type") === "text/event-stream";
    if (isStream && response.body !== null) await hearFrames(response.body, heard, left, asked);
    else {
      const text = await response.text();
      if (text !== "") heard.messages.push(JSON.parse(text));
    }
  } finally {
    heard.isOver = true;
  }
}

async function hearFrames(
  body: ReadableStream<Uint8Array>,
  heard: Heard,
  left: AbortSignal,
  asked: Asked,
) {
  const reader = body.getReader();
  const leave = () => void reader.cancel();
  left.addEventListener("abort", leave);
  if (left.aborted) leave();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const data = frame.split("\n").find((line) => line.startsWith("data: {"))?.slice(6);
      // The greeting of a standalone stream is no message.
      if (data?.includes('"jsonrpc"') !== true) continue;
      const message = JSON.parse(data) as HeardMessage;
      heard.messages.push(message);
      if (message.method !== undefined && message.id !== undefined) asked(message.id);
    }
  }
}

function open(send: (signal: AbortSignal) => Promise<Response>, asked: Asked = () => {}) {
  const left = new AbortController();
  const heard: Heard = { messages: [], status: undefined, isOver: false };
  hear(send(left.signal), heard, left.signal, asked).catch((thrown) => {
    if (!left.signal.aborted) throw thrown;
  });
  return { heard, leave: () => left.abort() };
}

const metaOf = (token: CallWish["token"]) => token === undefined ? {} : { progressToken: token };

/** Opens a session at a path, and its standalone stream; it accepts whatever it is asked. */
export async function openSessionClient(
  { send, until }: PlayedGateway,
  path: string,
  revision: string,
): Promise<PlayedClient> {
  let own: Record<string, string> = {};
  const post = (message: Json, signal?: AbortSignal) =>
    send(path, {
      method: "POST",
      headers: { ...jsonHeaders, ...own },
      body: JSON.stringify(message),
      ...(signal && { signal }),
    });
  const asked: Asked = (id) => void post({ jsonrpc: "2.0", id, result: { action: "accept" } });
  const hello = post(initialize(revision, { elicitation: {} }));
  let response: Response | undefined;
  void hello.then((answer) => void (response = answer));
  await until("a session", () => response !== undefined);
  own = { "mcp-session-id": response?.headers.get("mcp-session-id") ?? "" };
  const headers = { ...own, accept: "text/event-stream" };
  const stream = open((signal) => send(path, { headers, signal }), asked).heard;
  return {
    isStateless: false,
    stream,
    call({ id, tool, args, token }) {
      const params = { name: tool, arguments: args, _meta: metaOf(token) };
      return { id, ...open((signal) => post(request(id, "tools/call", params), signal), asked) };
    },
    cancel({ id }) {
      const params = { requestId: id, reason: "no more" };
      void post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    },
    async end() {
      await (await send(path, { method: "DELETE", headers: own })).body?.cancel();
    },
  };
}

/** A client that needs no session. */
export function openStatelessClient({ send }: PlayedGateway, path: string): PlayedClient {
  return {
    isStateless: true,
    stream: undefined,
    call({ id, tool, args, token }) {
      const params = { name: tool, arguments: args };
      const _meta = { ...envelope(), ...metaOf(token) };
      const body = JSON.stringify(request(id, "tools/call", { ...params, _meta }));
      const headers = mirror("tools/call", params);
      return { id, ...open((signal) => send(path, { method: "POST", headers, body, signal })) };
    },
    cancel: (call) => call.leave(),
    end: () => Promise.resolve(),
  };
}
