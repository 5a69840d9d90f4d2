/**
 * The seam between the wire and the model: one codec for each era, with a side toward clients and a
 * side toward servers. A codec knows which methods its revisions have (membership in a table, never
 * an `if`), lifts wire-only keys out on decode and puts them back on encode. What only one era has
 * stands in the part that its way of asking brings with it: no codec has a message that its era has
 * not. Types only; `era_codec.ts` of each era implements them.
 */
import type { GatewayError, UpstreamErrorBody } from "../errors.ts";
import type {
  Answer,
  Ask,
  Caller,
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

/** Name and version of the gateway, as both sides get them. */
export type Identity = { readonly name: string; readonly version: string };

/** A method with its params, as either goes over the wire. */
export interface WireMessage {
  readonly method: string;
  readonly params: JsonObject;
}

/** A JSON-RPC error. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
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
    /** What it brings back to a call that ended by questions. */
    readonly resume?: Resume | undefined;
  }
  /** Not a method of this revision (-32601). */
  | { readonly kind: "unknown" }
  /** Params that this revision forbids (-32602). */
  | { readonly kind: "invalid"; readonly message: string };

/** For whom a message is put: what a client settled for its session, or says with its request. */
export type Recipient = Pick<Caller, "revision" | "capabilities" | "logLevel">;

/** An error's body, and the HTTP status that it has as the whole answer. */
export interface EncodedError {
  readonly error: WireError;
  readonly status: number;
}

/** What clients of both eras send and are sent. */
export interface ClientWords {
  decodeRequest(method: string, params: JsonObject, revision: string): Decoded;
  /** Puts what the revision cannot carry (audio, resource links …) in words that it can. */
  encodeResult(method: string, result: Result, to: Recipient): JsonObject;
  /** Undefined when the revision has no such notification, or the client does not want this one. */
  encodeNotice(
    notice: Notice,
    to: Recipient,
    progressToken?: RequestId | undefined,
  ): WireMessage | undefined;
  /** `request` is the one that failed, where it got so far that it could be read. */
  encodeError(error: GatewayError, request?: WireMessage): EncodedError;
  /** What a surface says of itself: the result of the era's first request. */
  encodeDescription(description: Description, to: Recipient): JsonObject;
}

/** Clients that are asked while a call runs, by requests: they have sessions. */
export interface SessionWords {
  readonly asks: "request";
  decodeNotification(method: string, params: JsonObject, revision: string): Decoded;
  /** A failure when the revision or the declared capabilities cannot express the question. */
  encodeAsk(ask: Ask, to: Recipient): WireMessage | GatewayError;
}

/** Clients that are asked by the end of their request, and call again with the answers. */
export interface RetryWords {
  readonly asks: "result";
  /** Questions as the end of a request. */
  encodeInputRequired(ending: InputRequired): JsonObject;
}

/** The side of clients. */
export type ClientFacingCodec = ClientWords & (SessionWords | RetryWords);

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
  /** The name of the client behind us, where the upstream may have it. */
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

/**
 * A notification of an upstream, and the id of our request that it names (by token or
 * subscription).
 */
export interface DecodedNotice {
  readonly notice: Notice;
  readonly request?: RequestId | undefined;
}

/** The reply to an upstream's request. */
export type EncodedAnswer = { readonly result: JsonObject } | { readonly error: WireError };

/** What upstreams of both eras are sent and send. */
export interface UpstreamWords {
  encodeCall(call: OutgoingCall): WireMessage;
  decodeResult(method: string, value: unknown): UpstreamDecoded<Result | InputRequired>;
  /**
   * The server's error as ours: to be relayed, or what it means where codes are this hop's alone.
   */
  decodeError(error: UpstreamErrorBody): GatewayError;
  decodeNotice(method: string, params: JsonObject): UpstreamDecoded<DecodedNotice>;
}

/** Upstreams that ask by requests of their own, and by errors that name what a call needs first. */
export interface AskingWords {
  readonly asks: "request";
  /** A request of the upstream that is a question to the client; `unknown` for all others. */
  decodeAsk(method: string, params: JsonObject): UpstreamDecoded<WireMessage>;
  /** A client's answer as the reply to the upstream's request. */
  encodeAnswer(answer: Answer): EncodedAnswer;
  /** What the client must do before the failed call can be made again, where the error says so. */
  questionsIn(error: UpstreamErrorBody | undefined): readonly Question[] | undefined;
}

/** Upstreams that ask by results alone, which `decodeResult` reads. */
export interface ResultAskingWords {
  readonly asks: "result";
}

/** The side of upstreams. */
export type UpstreamFacingCodec = UpstreamWords & (AskingWords | ResultAskingWords);

/** One era's words, on both sides. */
export interface Codec<
  Client extends ClientFacingCodec = ClientFacingCodec,
  Upstream extends UpstreamFacingCodec = UpstreamFacingCodec,
> {
  readonly client: Client;
  readonly upstream: Upstream;
}

/** Of the era in which both sides ask by requests. */
export type SessionCodec = Codec<ClientWords & SessionWords, UpstreamWords & AskingWords>;

/** Of the era in which both sides ask by results. */
export type StatelessCodec = Codec<ClientWords & RetryWords, UpstreamWords & ResultAskingWords>;
