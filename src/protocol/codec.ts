/**
 * The seam between the wire and the model: one codec for each era and side. A codec knows which
 * methods its revisions have (membership in a table, never an `if`), lifts wire-only keys out on
 * decode and puts them back on encode. Types only; `legacy/` holds the handshake era's.
 */
import type { GatewayError, UpstreamErrorBody } from "../errors.ts";
import type {
  Answer,
  Ask,
  Description,
  InputRequired,
  JsonObject,
  LogLevel,
  Notice,
  Question,
  RequestId,
  Result,
  Resume,
} from "../model.ts";

/** A method with its params, as either goes over the wire. */
export interface WireMessage {
  readonly method: string;
  readonly params: JsonObject;
}

/** What became of a client's request or notification. */
export type Decoded =
  | {
    readonly kind: "ok";
    readonly method: string;
    /** Without wire-only keys. */
    readonly params: JsonObject;
    /** The client's progress token; 0 and "" are tokens. */
    readonly progressToken?: RequestId | undefined;
  }
  /** Not a method of this revision (-32601). */
  | { readonly kind: "unknown" }
  /** Params that this revision forbids (-32602). */
  | { readonly kind: "invalid"; readonly message: string };

/** The client's side of one era: what clients send and are sent. `revision` is the negotiated one. */
export interface ClientFacingCodec {
  decodeRequest(method: string, params: JsonObject, revision: string): Decoded;
  decodeNotification(method: string, params: JsonObject, revision: string): Decoded;
  /** Degrades what the revision cannot carry (audio, resource links, structured content …) to text. */
  encodeResult(method: string, value: JsonObject, revision: string): JsonObject;
  /** Undefined when the revision has no such notification, or progress was not asked for. */
  encodeNotice(
    notice: Notice,
    revision: string,
    progressToken: RequestId | undefined,
  ): WireMessage | undefined;
  /** A failure when the revision or the declared capabilities cannot express the question. */
  encodeAsk(ask: Ask, revision: string, capabilities: JsonObject): WireMessage | GatewayError;
  encodeError(
    error: GatewayError,
    method: string,
    revision: string,
  ): { code: number; message: string; data?: unknown };
  /** The `initialize` result. */
  encodeDescription(
    description: Description,
    revision: string,
    identity: { readonly name: string; readonly version: string },
  ): JsonObject;
}

/** What became of something an upstream sent. */
export type UpstreamDecoded<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "unknown" }
  | { readonly kind: "invalid"; readonly message: string };

/** On whose behalf a request is made, for revisions in which each request says so. */
export interface ClientContext {
  /** What the upstream may ask for, during this request. */
  readonly capabilities: JsonObject;
  readonly logLevel?: LogLevel | undefined;
  /** What the upstream hears of the client behind us, where it may. */
  readonly clientTitle?: string | undefined;
}

/** A call on its way to an upstream. */
export interface OutgoingCall {
  readonly method: string;
  readonly params: JsonObject;
  /** Only when progress is wanted. */
  readonly progressToken?: RequestId | undefined;
  readonly clientContext: ClientContext;
  readonly resume?: Resume | undefined;
}

/** The upstream's side of one era: what upstreams are sent and send. */
export interface UpstreamFacingCodec {
  encodeCall(call: OutgoingCall): WireMessage;
  decodeResult(method: string, value: unknown): UpstreamDecoded<Result | InputRequired>;
  /** The server's error as ours: to be relayed, or what it means where codes are this hop's alone. */
  decodeError(error: UpstreamErrorBody): GatewayError;
  /** What the client must do before the failed call can be made again, where the error says so. */
  questionsIn(error: UpstreamErrorBody): readonly Question[] | undefined;
  /** A notification, and the id of our request that it names (by progress token or subscription). */
  decodeNotice(
    method: string,
    params: JsonObject,
  ): UpstreamDecoded<{ readonly notice: Notice; readonly request?: RequestId | undefined }>;
  /** A request of the upstream that is a question to the client; `unknown` for all others. */
  decodeAsk(method: string, params: JsonObject): UpstreamDecoded<WireMessage>;
  /** A client's answer as the reply to the upstream's request. */
  encodeAnswer(
    method: string,
    answer: Answer,
  ): { result: JsonObject } | { error: { code: number; message: string; data?: unknown } };
}
