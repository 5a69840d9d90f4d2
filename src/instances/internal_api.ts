/**
 * The listener of an instance for the others, on an address of its own. It knows one request: to
 * answer a client's request for the instance at which that arrived. A caller that cannot sign with the
 * key of this gateway gets a status and nothing else. Not here: how the request is answered
 * (http/elsewhere.ts).
 */
import { type Clock, withDeadline } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { FetchContext, FetchHandler } from "../runtime/runtime.ts";
import {
  createSeenNonces,
  type ForwardedRequest,
  forwardPath,
  type ForwardRefusal,
  openRequest,
  proveHead,
} from "./forwarded_request.ts";
import type { InternalKey } from "./internal_key.ts";
import {
  type AnswerSigning,
  type ProvenRefusal,
  signAnswer,
  signComplete,
} from "./signed_answer.ts";

/** Answers a request that another instance passed on; undefined: what it names is not owned here. */
export type AnswerForwarded = (
  request: ForwardedRequest,
  signal: AbortSignal,
  disconnectHidden: boolean,
) => Promise<Response | undefined>;

/** What the listener's handler is made from. */
export interface InternalApiOptions {
  readonly name: string;
  readonly key: InternalKey;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly answer: AnswerForwarded;
}

const statuses: Readonly<Record<ForwardRefusal | ProvenRefusal, number>> = {
  malformed: 400,
  misdirected: 421,
  late: 401,
  forged: 401,
  repeated: 401,
  full: 503,
  body: 413,
};

/** Makes the handler; it never rejects. */
export function createInternalApi(options: InternalApiOptions): FetchHandler {
  const { clock, limits, log, name } = options;
  const receiving = { ...options, nonces: createSeenNonces(clock, limits) };
  const note = (why: ForwardRefusal | ProvenRefusal | "path"): void =>
    log.warn("Refused a request at the internal address", { instance: name, why });
  const refuse = (why: ForwardRefusal | "path", status: number): Response => {
    note(why);
    return new Response(null, { status, headers: { connection: "close" } });
  };
  // Its sender would take anything else for an answer that was lost.
  const refuseProven = async (why: ProvenRefusal, nonce: string): Promise<Response> => {
    note(why);
    const signing = signingOf(options, nonce);
    const body = await signComplete({ kind: "refused", why }, none, signing);
    return new Response(body, { status: statuses[why], headers: { connection: "close" } });
  };
  return async (request, context) => {
    try {
      const { pathname } = new URL(request.url);
      if (request.method !== "POST" || pathname !== forwardPath) return refuse("path", 404);
      const head = proveHead(request.headers, receiving);
      if (typeof head === "string") return refuse(head, statuses[head]);
      if ("refusal" in head) return await refuseProven(head.refusal, head.nonce);
      const bytesMax = limits.bodyBytesMax + limits.forwardHeadBytesMax;
      const bytes = await readWhole(request, bytesMax, options);
      if (bytes === undefined) return await refuseProven("body", head.nonce);
      const opened = await openRequest(head, bytes, options.key);
      if (typeof opened === "string") return refuse(opened, statuses[opened]);
      context?.holdOpen?.();
      return await answer(options, opened, head.nonce, request.signal, context);
    } catch (fault) {
      log.error("Cannot answer a request at the internal address", { fault });
      return new Response(null, { status: 500 });
    }
  };
}

async function answer(
  { key, limits, answer: answerForwarded }: InternalApiOptions,
  forwarded: ForwardedRequest,
  nonce: string,
  signal: AbortSignal,
  context: FetchContext | undefined,
): Promise<Response> {
  const hidden = context?.disconnectHidden === true;
  const answered = await answerForwarded(forwarded, signal, hidden);
  return new Response(await toSigned(answered, signingOf({ key, limits }, nonce)), {
    headers: { "content-type": "application/octet-stream", "cache-control": "no-store" },
  });
}

function signingOf(
  { key, limits }: Pick<InternalApiOptions, "key" | "limits">,
  nonce: string,
): AnswerSigning {
  return { key, nonce, recordBytesMax: limits.forwardRecordBytesMax };
}

/** The signed answer. JSON is made before its response, so waiting for the end costs nothing. */
async function toSigned(
  answered: Response | undefined,
  signing: AnswerSigning,
): Promise<ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>> {
  if (answered === undefined) return signComplete({ kind: "not_owner" }, none, signing);
  const { status, headers, body } = answered;
  const head = { kind: "answer", status, headers: [...headers] } as const;
  if (body === null) return signComplete(head, none, signing);
  if (headers.get("content-type") !== "application/json") return signAnswer(head, body, signing);
  return signComplete(head, new Uint8Array(await answered.arrayBuffer()), signing);
}

const none = new Uint8Array();

/** The body in one piece; undefined if it is longer or takes longer than allowed. */
async function readWhole(
  request: Request,
  bytesMax: number,
  { clock, limits }: InternalApiOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return undefined;
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  const read = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > bytesMax) return undefined;
      parts.push(value);
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
  const whole = await withDeadline(clock, limits.bodyMs, read(), () => undefined);
  if (whole === undefined) void reader.cancel().catch(() => {});
  return whole;
}
