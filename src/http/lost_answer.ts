/**
 * The answer of another instance on its way to the client, and what the client gets when that
 * instance is gone: its calls end with an outcome that is unknown. What does no more when it is done
 * twice may be repeated.
 */
import { GatewayError } from "../errors.ts";
import type { AnswerHead, SignedAnswer } from "../instances/signed_answer.ts";
import { isJsonObject } from "../json.ts";
import type { RequestId } from "../model.ts";
import { errorText } from "../protocol/jsonrpc.ts";
import { isRepeatableMethod } from "../protocol/shared/repeatable_methods.ts";
import { encodeFrame } from "../sse/encode.ts";
import { errorResponse, jsonResponse } from "./respond.ts";

/** Statuses whose responses have no body. */
const bodiless: ReadonlySet<number> = new Set([202, 204, 205, 304]);

/**
 * The response that another instance gave; undefined if it broke off before the client can get
 * anything. `body` is that of the request, if it had one.
 */
export async function toClient(
  { status, headers }: Extract<AnswerHead, { kind: "answer" }>,
  answer: SignedAnswer,
  method: string,
  body: string | undefined,
): Promise<Response | undefined> {
  const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  if (bodiless.has(status)) {
    await answer.next().catch(() => undefined);
    answer.cancel();
    return new Response(null, init);
  }
  const isStream = new Headers(init.headers).get("content-type") === "text/event-stream";
  // A single text is complete or nothing: its client never gets a part of it.
  if (!isStream) return await toText(init, answer);
  return new Response(toStream(answer, method, body), init);
}

async function toText(init: ResponseInit, answer: SignedAnswer): Promise<Response | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (let bytes = await answer.next(); bytes !== undefined; bytes = await answer.next()) {
      parts.push(new Uint8Array(bytes));
    }
  } catch {
    return undefined;
  }
  const [only, ...others] = parts;
  return new Response(others.length === 0 ? only : new Blob(parts), init);
}

/** An event stream; if it breaks off, it ends with an error for the call that it answers. */
function toStream(
  answer: SignedAnswer,
  method: string,
  body: string | undefined,
): ReadableStream<Uint8Array> {
  // Whether the last event is complete, so that another may follow.
  let isBetween = true;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const bytes = await answer.next();
        if (bytes === undefined) return controller.close();
        const { length } = bytes;
        isBetween = bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed;
        controller.enqueue(bytes);
      } catch {
        const ids = method === "POST" ? requestIdsIn(body) : [];
        // Of several requests it is not known which were answered: a client can resume the stream.
        const [id] = ids;
        if (isBetween && id !== undefined && ids.length === 1) {
          controller.enqueue(encodeFrame({ data: gone(id) }));
        }
        controller.close();
      }
    },
    cancel: () => answer.cancel(),
  }, { highWaterMark: 0 });
}

const lineFeed = 10;

/** The answer to a request whose instance is gone, which may have begun it. */
export function answerGone(method: string, body: string | undefined): Response {
  const ids = method === "POST" ? requestIdsIn(body) : [];
  const [only] = ids;
  if (only === undefined) {
    const text = "The instance that has this session is gone; retry later";
    return errorResponse(new GatewayError("store_unavailable", text));
  }
  const isBatch = body?.trimStart().startsWith("[") === true;
  return jsonResponse(isBatch ? `[${ids.map(gone).join(",")}]` : gone(only));
}

const text = "The instance of the gateway that ran this call is gone; " +
  "whether it took effect is unknown";

function gone(id: RequestId): string {
  const error = new GatewayError("outcome_unknown", text, { data: { outcome: "unknown" } });
  return errorText(id, error.toRpc());
}

/** Whether a request may be made again, though an instance may have served it. */
export function isRepeatable(method: string, body: string | undefined): boolean {
  if (method === "GET" || method === "DELETE") return true;
  const messages = messagesIn(body);
  return method === "POST" && messages.length > 0 && messages.every((message) => {
    const name = isJsonObject(message) ? message["method"] : undefined;
    return typeof name === "string" &&
      (name === "ping" || name.startsWith("notifications/") || isRepeatableMethod(name));
  });
}

/** The ids of the requests in a body. */
function requestIdsIn(body: string | undefined): RequestId[] {
  return messagesIn(body).flatMap((message) => {
    if (!isJsonObject(message) || typeof message["method"] !== "string") return [];
    const { id } = message;
    return typeof id === "string" || typeof id === "number" ? [id] : [];
  });
}

function messagesIn(body: string | undefined): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(body ?? "");
    return Array.isArray(value) ? value : [value];
  } catch {
    return [];
  }
}
