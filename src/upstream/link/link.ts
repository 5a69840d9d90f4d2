/**
 * The seam between a connection and the wire below it: requests go down, their replies and whatever
 * the server says of itself come up. A link over stdio is a peer on a child's pipes (peer.ts), one
 * over HTTP makes a POST for each message. How the server is spoken to is its dialect (dialect.ts).
 * Types only.
 */
import type { LogFields } from "../../log.ts";
import type { GatewayError } from "../../errors.ts";
import type { Answer, Description, Ending, JsonObject, Notice, Resume } from "../../model.ts";
import type { ClientContext, WireMessage } from "../../protocol/codec.ts";
import type { Dialect } from "./dialect.ts";

/**
 * What became of a notice: taken, dropped, or taken by a reader for which the next ones should wait
 * until the promise resolves.
 */
export type NoticeFate = boolean | Promise<void>;

/** The notices of calls: those of which there may be many. */
export type CallNotice = "notifications/message" | "notifications/progress";

/** How a request is to be made. */
export interface LinkRequest {
  readonly method: string;
  readonly params: JsonObject;
  /** For dialects in which each request says on whose behalf it is made; absent: our own. */
  readonly clientContext?: ClientContext | undefined;
  readonly resume?: Resume | undefined;
  /** Of a tool's call: the tool as the server listed it, when that is known. */
  readonly tool?: JsonObject | undefined;
  /**
   * Of a tool's call: whether the server says that calling it twice does no harm. Must not reject.
   */
  readonly isSafeTwice?: (() => Promise<boolean>) | undefined;
  readonly wantsProgress: boolean;
  /** Without a sign of life; 0: it stands until it is cancelled. */
  readonly timeoutMs: number;
  /** Whether a cancelled request is announced to the server (never for a handshake). */
  readonly cancellable: boolean;
  /** A notice of this request. */
  readonly notice: (notice: Notice) => NoticeFate;
  /** A question of this request, on links that can tell; must not reject. */
  readonly ask?: (question: WireMessage, signal: AbortSignal) => Promise<Answer>;
  /** Called once; possibly before `request` returns. */
  readonly end: (ending: Ending) => void;
}

/** A request under way. */
export interface OpenRequest {
  /** Forgets it and tells the server; `end` is not called. */
  cancel(reason: string): void;
  /** Another sign of life, beside its own progress. */
  touch(): void;
  /** Stops its clock while the client is asked something. */
  hold(): void;
  resume(): void;
}

/** One way to a server. */
export interface Link {
  request(request: LinkRequest): OpenRequest;
  notify(method: string, params: JsonObject): void;
  /** Fails what is open and takes nothing more. */
  close(error: GatewayError): void;
  /** Requests and questions under way. */
  open(): number;
  /**
   * Whether calls of tools need the tool, since some of its arguments travel beside the message.
   */
  readonly mirrorsArguments?: boolean;
}

/** Takes what a server says that belongs to no request. */
export interface ServerEvents {
  /** A notice; false when nothing takes it. */
  notice(notice: Notice): NoticeFate;
  /**
   * Whether a notice of this method that came now would be dropped, because the client of its call
   * reads nothing: then it counts as dropped, and its text need not be read. Absent: all are read.
   */
  drops?(method: CallNotice): boolean;
  /** Puts a question; must not reject. */
  ask(question: WireMessage, signal: AbortSignal): Promise<Answer>;
}

/** Takes what a server says of itself on a link, and the changes of the link. */
export interface LinkEvents extends ServerEvents {
  /**
   * The server wants a log-in, as this error of a request says; undefined: it answered a request.
   * Absent: it does not matter.
   */
  login?(refused: GatewayError | undefined): void;
  /** The link failed for this reason without being closed. Called once, after `connect`. */
  broken(reason: string): void;
  /** The server forgot what the link had told it (a new session): log level and subscriptions. */
  renewed(): void;
  /** Nothing of it is left; called too when the start fails. */
  gone(): void;
}

/** A link on which the server has answered its first message. */
export interface Connected {
  readonly link: Link;
  readonly dialect: Dialect;
  readonly description: Description;
  /** The revision that was agreed on; absent: unknown. */
  readonly revision?: string | undefined;
  /** For the log. */
  readonly pid?: number | undefined;
  /**
   * How long a program has said nothing; 0 while it waits for the gateway. Absent: the server runs
   * without the gateway, which cannot replace it.
   */
  readonly silentMs?: (() => number) | undefined;
  /**
   * Ends what is below; the link is closed first. A program that goes on for `quietMs` is ended by
   * a signal. Resolves when nothing of it is left.
   */
  stop(quietMs?: number): Promise<void>;
}

/** Why a start failed. */
export interface StartFault {
  /** For callers. */
  readonly reason: string;
  /** For the log alone: what the program printed, or what the system said. */
  readonly details?: LogFields | undefined;
  /** Trying again without a change cannot help. */
  readonly permanent: boolean;
  /** Whether nothing is there to answer: then the server may come back by itself. */
  readonly isAway?: boolean | undefined;
  /** Whether the server asked for a log-in. */
  readonly wantsLogin?: boolean | undefined;
  /**
   * A person has to log in before the connection can be opened for its owner: the error of a call.
   * The server has no fault.
   */
  readonly loginRequired?: GatewayError | undefined;
  /** The dialects that the server refused, which says nothing against others. */
  readonly refused: readonly Dialect[];
}

/** For whom a connection is opened. */
export interface LinkOwner {
  /**
   * The id of the principal that it serves alone; that of `sharedPrincipal` if credentials of the
   * server do not depend on it.
   */
  readonly principal: string;
  /** The scope that it serves alone; empty if it serves several. */
  readonly scope: string;
}

/** What a kind of upstream supplies: links to its server. */
export interface Connector {
  /**
   * Whether its links can tell whose a question is; else a call that may be asked needs a link
   * alone.
   */
  readonly ownsQuestions: boolean;
  /**
   * Opens a link, speaking in the first of `dialects` that the server takes. Where a server learns
   * about its client at the start, `capabilities` and `clientTitle` describe that client. `signal`
   * cancels the start.
   */
  open(
    options: {
      readonly dialects: readonly Dialect[];
      readonly capabilities: JsonObject;
      readonly clientTitle?: string | undefined;
      readonly owner: LinkOwner;
      readonly hooks: LinkEvents;
    },
    signal: AbortSignal,
  ): Promise<
    | { readonly connected: Connected; readonly refused: readonly Dialect[] }
    | { readonly fault: StartFault }
  >;
  /**
   * The error of a call whose owner has to log in first, without asking the server; undefined: as
   * far as is known, a link can be opened. Absent: no person ever logs in.
   */
  loginRequired?(owner: LinkOwner, signal: AbortSignal): Promise<GatewayError | undefined>;
}
