/**
 * The seam between the wire and the model: one codec for each era, with a side toward clients and a
 * side toward servers. A codec knows which methods its revisions have (membership in a table, never
 * an `if`), lifts wire-only keys out on decode and puts them back on encode. Messages of only one
 * era are in the part for its way of asking, so no codec has a message that its era does not have.
 * Types only; `era_codec.ts` of each era implements them.
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

/** A method with its params, as they are on the wire. */
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

/** A decoded request or notification of a client. */
export type Decoded =
  | {
    readonly kind: "ok";
    readonly method: string;
    /** Without wire-only keys. */
    readonly params: JsonObject;
    /** The client's progress token; 0 and "" are tokens. */
    readonly progressToken?: RequestId | undefined;
    /** What it returns to a call that ended with questions. */
    readonly resume?: Resume | undefined;
  }
  /** Not a method of this revision (-32601). */
  | { readonly kind: "unknown" }
  /** Params that this revision forbids (-32602). */
  | { readonly kind: "invalid"; readonly message: string };

/** The client that gets a message: what it declared for its session, or with its request. */
export type Recipient = Pick<Caller, "revision" | "capabilities" | "logLevel">;

/** An error's body, and the HTTP status that it has as the whole answer. */
export interface EncodedError {
  readonly error: WireError;
  readonly status: number;
}

/** The messages from and to clients of both eras. */
export interface ClientWords {
  decodeRequest(method: string, params: JsonObject, revision: string): Decoded;
  /**
   * Converts content that the revision does not have (audio, resource links …) to content that it
   * has.
   */
  encodeResult(method: string, result: Result, to: Recipient): JsonObject;
  /** Undefined if the revision has no such notification, or the client does not want this one. */
  encodeNotice(
    notice: Notice,
    to: Recipient,
    progressToken?: RequestId | undefined,
  ): WireMessage | undefined;
  /** `request` is the one that failed, if it could be read. */
  encodeError(error: GatewayError, request?: WireMessage): EncodedError;
  /** The description of a surface, as the result of the era's first request. */
  encodeDescription(description: Description, to: Recipient): JsonObject;
}

/** Clients that get questions as requests while a call runs: they have sessions. */
export interface SessionWords {
  readonly asks: "request";
  decodeNotification(method: string, params: JsonObject, revision: string): Decoded;
  /** A failure when the revision or the declared capabilities cannot express the question. */
  encodeAsk(ask: Ask, to: Recipient): WireMessage | GatewayError;
}

/** Clients that get questions as the result of their request, and call again with the answers. */
export interface RetryWords {
  readonly asks: "result";
  /** Questions as the result of a request. */
  encodeInputRequired(ending: InputRequired): JsonObject;
}

/** The side toward clients. */
export type ClientFacingCodec = ClientWords & (SessionWords | RetryWords);

/** A decoded message of an upstream. */
export type UpstreamDecoded<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "unknown" }
  | { readonly kind: "invalid"; readonly message: string };

/** The client behind a request, for revisions in which each request describes it. */
export interface ClientContext {
  /** What the upstream may ask for during this request. */
  readonly capabilities: JsonObject;
  readonly logLevel?: LogLevel | undefined;
  /** The name of the client, if the upstream may have it. */
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

/** The messages to and from upstreams of both eras. */
export interface UpstreamWords {
  encodeCall(call: OutgoingCall): WireMessage;
  decodeResult(method: string, value: unknown): UpstreamDecoded<Result | InputRequired>;
  /**
   * The gateway's error for a server's error: relayed, or translated if its code has a meaning only
   * on this hop.
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
  /** What the client must do before it can repeat the failed call, if the error says so. */
  questionsIn(error: UpstreamErrorBody | undefined): readonly Question[] | undefined;
}

/** Upstreams that ask only by results, which `decodeResult` reads. */
export interface ResultAskingWords {
  readonly asks: "result";
}

/** The side toward upstreams. */
export type UpstreamFacingCodec = UpstreamWords & (AskingWords | ResultAskingWords);

/** The codec of one era, both sides. */
export interface Codec<
  Client extends ClientFacingCodec = ClientFacingCodec,
  Upstream extends UpstreamFacingCodec = UpstreamFacingCodec,
> {
  readonly client: Client;
  readonly upstream: Upstream;
}

/** The codec of the era in which both sides ask by requests. */
export type SessionCodec = Codec<ClientWords & SessionWords, UpstreamWords & AskingWords>;

/** The codec of the era in which both sides ask by results. */
export type StatelessCodec = Codec<ClientWords & RetryWords, UpstreamWords & ResultAskingWords>;
