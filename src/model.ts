/**
 * The neutral model: what a client asks and what an upstream answers, in words that belong to no
 * revision of the protocol. Bindings and codecs translate to and from it at the edges, so wire-only
 * keys (progress tokens, ids, envelope keys) never appear here. Not here: errors and bounds.
 */
import type { GatewayError } from "./errors.ts";
import type { ReadCall } from "./reader_room.ts";
import type { TraceContext } from "./trace_context.ts";

/** A JSON object whose members have not been looked at yet. */
export type JsonObject = { [key: string]: unknown };

/** A JSON-RPC request id or progress token; 0 and "" are valid, and `1` is not `"1"`. */
export type RequestId = string | number;

/** The eight syslog severities of `logging/setLevel`, least severe first. */
export const logLevels = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
] as const;

/** One severity of a log notice. */
export type LogLevel = (typeof logLevels)[number];

/** Who makes a request, as the authenticator found (src/auth/). Nothing below it has a default. */
export interface Principal {
  /** Stays the same for one person or program: sessions and waiting calls are bound to it. */
  readonly id: string;
  /** The authenticator kind that found it. */
  readonly kind?: string | undefined;
  /** The client program that acts for it: the id of an OAuth client. */
  readonly client?: string | undefined;
  /** Absent: none. */
  readonly roles?: readonly string[] | undefined;
  /** Absent: none. */
  readonly groups?: readonly string[] | undefined;
  /** The servers that its credentials are limited to; `*` stands for any characters. Absent: all. */
  readonly servers?: readonly string[] | undefined;
  /** The same for tools, by the servers' own names. */
  readonly tools?: readonly string[] | undefined;
  /** When its credentials expire, in milliseconds since 1970. Absent: never. */
  readonly expiresAt?: number | undefined;
}

/** All principals together, as the owner of what they share. */
export const sharedPrincipal: Principal = { id: "" };

/** All clients that do not authenticate, as one: what it did last says nothing of one of them. */
export const anonymousPrincipal: Principal = { id: "anonymous" };

/** The gateway itself, for calls that it makes for no client. */
export const gatewayPrincipal: Principal = { id: "gateway" };

/** The holders of the two tokens of the admin API, whose sessions no client in front can use. */
export const ownerPrincipal: Principal = { id: "admin:owner" };
export const operatorPrincipal: Principal = { id: "admin:operator" };

/** Principals that no authenticator may give. */
export const reservedPrincipals: readonly Principal[] = [
  sharedPrincipal,
  gatewayPrincipal,
  ownerPrincipal,
  operatorPrincipal,
];

/**
 * The client for which a call is made. `scope` and `revision` are opaque to the gateway: `scope`
 * picks the connection (an upstream's process or session) and is released by `endScope`; `revision`
 * is the client's protocol revision. Its `capabilities` decide what an upstream may ask of it.
 */
export interface Caller {
  readonly principal: Principal;
  readonly scope: string;
  readonly revision: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject;
  /** Whose share of bounded things it takes: see `consumers.ts`. Absent: its principal's. */
  readonly consumer?: string | undefined;
  /** Those of its declared extensions that its surface passes to servers. Absent: none. */
  readonly extensions?: JsonObject | undefined;
  /** Least severe log notice wanted; absent: the upstream's own default. */
  readonly logLevel?: LogLevel | undefined;
  /**
   * Whether questions end this client's exchanges (as `InputRequired`) and are answered by calling
   * again with `resume`, since it cannot be asked while a call runs. Absent: it is asked meanwhile.
   */
  readonly asksByResult?: boolean | undefined;
  /**
   * Whether its scope is all that its principal does, by any number of clients at once, of which each
   * request declares its own capabilities and log level. Absent: it is one client's session.
   */
  readonly sharesScope?: boolean | undefined;
}

/**
 * One request of a client. `params` has no wire-only keys: `_meta` holds vendor keys and the trace;
 * `wantsProgress` stands for a progress token. List cursors stay in `params.cursor`.
 */
export interface Call extends ReadCall {
  readonly method: string;
  readonly params: JsonObject;
  readonly wantsProgress: boolean;
  readonly caller: Caller;
  /**
   * Whether the client receives list_changed notices at this moment, so that an answer need not
   * wait for servers whose items can follow. Absent: it does not.
   */
  readonly hears?: (() => boolean) | undefined;
  /**
   * Throws when the call does not fit what is called, as its server lists it, such as headers that
   * contradict arguments. Called before the server gets the call, when the item is known.
   */
  readonly checkItem?: ((item: JsonObject) => void) | undefined;
  /** Whether the gateway repeats it for what a client keeps. Absent: the client makes it. */
  readonly isRepeated?: boolean | undefined;
  /** What the client brings back to a call that ended as `InputRequired`. */
  readonly resume?: Resume | undefined;
  /** The trace of the HTTP request around it. Absent: none. */
  readonly trace?: TraceContext | undefined;
  /** Filled in while the call is routed; for the log and for the outcome of a failure. */
  readonly target?: CallTarget | undefined;
}

/** Where a call goes: the server, and that server's own name or URI for what is called. */
export interface CallTarget {
  server?: string;
  name?: string;
  /** What is called, as its server lists it now; absent while that is not known. */
  item?: JsonObject | undefined;
  /** Whether the server may have received the call. */
  isSent?: boolean;
  /** Whether its client learns that the tool runs only as a task; absent: the gateway awaits it. */
  relaysTaskRefusal?: boolean;
  /** Whether its client gets progress of ours while the server is silent; absent: it does. */
  keepAlive?: boolean | undefined;
  /** Characters of a result that its client takes; absent: unknown. */
  resultCharsMax?: number | undefined;
}

/** The answers to an `InputRequired`, by key, and its state unchanged. */
export interface Resume {
  readonly answers: Readonly<Record<string, JsonObject>>;
  readonly state?: string | undefined;
}

/** A notification during a call or outside of any call: progress, a log line, a changed list. */
export interface Notice {
  readonly kind: "notice";
  /** The notification's method, such as `notifications/progress` (whose params carry no token). */
  readonly method: string;
  readonly params: JsonObject;
}

/** The upstream needs input from the client: sampling, elicitation or roots. */
export interface Ask {
  readonly kind: "ask";
  /** Unique within its exchange (or watch). */
  readonly id: string;
  readonly method: string;
  readonly params: JsonObject;
}

/** The end of an exchange that went well. */
export interface Result {
  readonly kind: "result";
  readonly value: JsonObject;
  /** How long it may be kept, where the upstream said so. */
  readonly freshness?: Freshness | undefined;
  /** Whether `value` is the task as which the server runs the call (SEP-2663). Absent: it is not. */
  readonly isTask?: boolean | undefined;
  /** For the log: what was wrong in the upstream's list. */
  readonly corrections?: readonly Correction[] | undefined;
}

/** What was wrong with one item of a list, and what became of it. */
export interface Correction {
  /** Its name or URI, as far as it has one. */
  readonly item: string;
  readonly reason: string;
}

/** How long a result may be kept, and whether by all principals or by its caller's alone. */
export interface Freshness {
  readonly ttlMs: number;
  readonly isShared: boolean;
}

/** What holds for two results together; the other alone while one is unknown. */
export function leastFresh(
  one: Freshness | undefined,
  other: Freshness | undefined,
): Freshness | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { ttlMs: Math.min(one.ttlMs, other.ttlMs), isShared: one.isShared && other.isShared };
}

/** One question of an `InputRequired`; the key is unique within it. */
export interface Question {
  readonly key: string;
  readonly method: string;
  readonly params: JsonObject;
}

/** The end of an exchange that needs input first; only for callers that are asked by result. */
export interface InputRequired {
  readonly kind: "inputRequired";
  /** May be empty: then calling again with the state is all that is asked. */
  readonly questions: readonly Question[];
  readonly state?: string | undefined;
}

/** The end of an exchange that failed. */
export interface Failure {
  readonly kind: "failure";
  readonly error: GatewayError;
}

/** What ends an exchange. */
export type Ending = Result | Failure | InputRequired;

/** One item of an exchange, in order; exactly one ending is the last. */
export type Reply = Notice | Ask | Ending;

/** The client's reply to an `Ask`. */
export type Answer =
  | { readonly kind: "answer"; readonly value: JsonObject }
  | {
    readonly kind: "refusal";
    readonly code: number;
    readonly message: string;
    readonly data?: unknown;
  };

/**
 * One call and its replies. `read` hands each reply to `sink` at the moment it comes; replies that
 * came before wait and are handed on first, in order, notices within a bound. A later `read`
 * replaces the sink; without one replies wait again. Exactly one ending comes, last; faults are
 * `failure`s.
 */
export interface Exchange {
  read(sink: ((reply: Reply) => void) | undefined): void;
  /** Answers an open ask; false when that ask is unknown or already answered. */
  answer(askId: string, answer: Answer): boolean;
  /** Cancels the call at the upstream; the exchange ends with `cancelled`. */
  cancel(reason: string): void;
  /**
   * Says that the call waits for its client, which may never return: `giveWay` gives it up if others
   * need its place. Undefined: the client has returned. Absent: the upstream needs no place for it.
   */
  rest?(giveWay: (() => void) | undefined): void;
}

/** What an upstream (or a surface) offers: the body of a handshake, free of any revision. */
export interface Description {
  readonly capabilities: JsonObject;
  /** The upstream's own identity; clients see the gateway's, and this one beside it. */
  readonly serverInfo?: JsonObject | undefined;
  readonly instructions?: string | undefined;
}

/** Receives what belongs to no call of a scope. */
export interface Watcher {
  notice(notice: Notice): void;
  /** Puts a question to the client; rejects with a GatewayError when no client can be asked. */
  ask(ask: Ask): Promise<Answer>;
}

/**
 * The lists a server keeps: method, key of the items in the result, identity of an item, and whose
 * `list_changed` is about it. Skills are an extension: their files are resources.
 */
export const listKinds = {
  tools: { method: "tools/list", key: "tools", identity: "name", capability: "tools" },
  prompts: { method: "prompts/list", key: "prompts", identity: "name", capability: "prompts" },
  resources: {
    method: "resources/list",
    key: "resources",
    identity: "uri",
    capability: "resources",
  },
  templates: {
    method: "resources/templates/list",
    key: "resourceTemplates",
    identity: "uriTemplate",
    capability: "resources",
  },
  skills: { method: "skills/list", key: "skills", identity: "uri", capability: "resources" },
} as const;

/** The name of one of these lists. */
export type ListKind = keyof typeof listKinds;
/** Their names, in the order in which they are read. */
export const listKindNames = Object.keys(listKinds) as ListKind[];
