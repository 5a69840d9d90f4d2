/**
 * The stream of an HTTP+SSE client (revision 2024-11-05): its first event names the URL for POSTs,
 * and every answer is an event on it.
 */
import { startMsMax, within } from "../../test/support/wait.ts";
import type { Json } from "./rpc_client.ts";

/** An open stream. */
export interface SseLine {
  /** Where the messages of this session are posted. */
  readonly posts: string;
  /** Resolves with the response to this request; register it before the request is sent. */
  answerTo(id: unknown): Promise<Json>;
  close(): void;
}

interface SseEvent {
  readonly name: string;
  readonly data: string;
}

const eventEnd = /\r?\n\r?\n/;

function toEvent(text: string): SseEvent {
  const field = (name: string) =>
    text.split(/\r?\n/).filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trimStart()).join("\n");
  return { name: field("event"), data: field("data") };
}

/** Reads events until the stream ends. */
async function readEvents(body: ReadableStream<Uint8Array>, take: (event: SseEvent) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const pieces = (rest + decoder.decode(chunk, { stream: true })).split(eventEnd);
    rest = pieces.pop() ?? "";
    for (const piece of pieces) take(toEvent(piece));
  }
}

/** Opens a stream; resolves when it has named its URL for POSTs. */
export async function openSseLine(url: string): Promise<SseLine> {
  const closing = new AbortController();
  const response = await fetch(url, {
    headers: { accept: "text/event-stream" },
    signal: closing.signal,
  });
  if (!response.ok || response.body === null) {
    throw new Error(`HTTP ${response.status} to GET ${url}`);
  }
  const waiting = new Map<unknown, { resolve(message: Json): void; reject(error: Error): void }>();
  const endpoint = Promise.withResolvers<string>();
  const end = () => {
    const error = new Error(`The stream ${url} ended`);
    endpoint.reject(error);
    for (const { reject } of waiting.values()) reject(error);
  };
  readEvents(response.body, ({ name, data }) => {
    if (name === "endpoint") return endpoint.resolve(new URL(data, url).href);
    if (!data.startsWith("{")) return;
    const message = JSON.parse(data) as Json;
    waiting.get(message["id"])?.resolve(message);
    waiting.delete(message["id"]);
  }).catch(() => {}).finally(end);
  const close = () => closing.abort();
  try {
    const posts = await within(`the endpoint event of ${url}`, endpoint.promise, startMsMax);
    return {
      posts,
      answerTo: (id) => new Promise((resolve, reject) => void waiting.set(id, { resolve, reject })),
      close,
    };
  } catch (thrown) {
    close();
    throw thrown;
  }
}
