/**
 * The two dialects of servers (of the handshake era and the stateless era), which one is tried
 * first for a caller's revision, and their properties. The only file of this folder that knows
 * eras. Not here: what a server learns about the client (client_shown.ts). Follows "Backward
 * Compatibility" of the stdio and Streamable HTTP transports, and the rule that a server of both
 * eras is called in its client's era.
 */
import type { EraChoice } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import type { Description, JsonObject, Notice } from "../../model.ts";
import type { Identity, UpstreamFacingCodec, WireMessage } from "../../protocol/codec.ts";
import { decodeInitialize, initializeParams } from "../../protocol/legacy/initialize_params.ts";
import {
  type HttpRefusal,
  isSessionLost,
  resumingAfter,
  sessionHeaders,
  sessionIn,
} from "../../protocol/legacy/http_wire.ts";
import { isServed, latestRevision } from "../../protocol/legacy/revisions.ts";
import { createLegacyCodec } from "../../protocol/legacy/era_codec.ts";
import { createModernCodec } from "../../protocol/modern/era_codec.ts";
import { requestHeaders } from "../../protocol/modern/http_wire.ts";
import { encodeListen, isAck } from "../../protocol/modern/listen_filter.ts";
import { decodeDiscover, supportedIn } from "../../protocol/modern/upstream_facing.ts";
import { modernRevision } from "../../protocol/modern/revision.ts";

/**
 * The revision of a trial, which has no client. Most programs know only the handshake, and some
 * exit on other messages; a remote server answers unknown messages with an error.
 */
export const trialRevisions = { program: latestRevision, remote: modernRevision } as const;

/** What a dialect needs for the handshake with a server. */
export interface HandshakeOptions {
  readonly request: (method: string, params: JsonObject) => Promise<JsonObject>;
  readonly notify: (method: string, params: JsonObject) => void;
  readonly capabilities: JsonObject;
  readonly clientTitle?: string | undefined;
}

/** The notices that are wanted from a server outside of calls. */
export interface ListenInterest {
  readonly description: Description;
  readonly uris: readonly string[];
}

/** A server's answer to the handshake. */
export interface HandshakeResult {
  readonly description: Description;
  readonly revision: string;
}

/** The rules of a dialect over HTTP, apart from message bodies. */
export interface HttpDialect {
  /** Whether a server may have only the older transport with two URLs. */
  readonly hasOlderTransport: boolean;
  /**
   * Whether messages that belong to no request, and answers to requests with 202, come on a
   * standalone stream.
   */
  readonly hasStandaloneStream: boolean;
  /** Whether a broken stream can be resumed. */
  readonly resumesStreams: boolean;
  /**
   * Whether the server accepts notifications and answers; if not, closing a stream cancels its
   * request.
   */
  readonly takesNotifications: boolean;
  /** Whether headers repeat some arguments of tools, so that calls need the tool's schema. */
  readonly mirrorsArguments: boolean;
  /** Headers of a POST; without a message those of every request. */
  headers(
    settled: { readonly session: string | undefined; readonly revision: string | undefined },
    message?: { readonly wire: WireMessage; readonly tool: JsonObject | undefined },
  ): Record<string, string>;
  /** The id of the session that an answer opens. */
  sessionIn(headers: Headers): string | undefined;
  /** The headers that resume a broken stream. */
  resumingAfter(eventId: string | undefined): Record<string, string>;
  /** What a refusal means beyond the failure of its message. */
  readonly meaningOf: (refusal: HttpRefusal) => RefusalMeaning | undefined;
}

/**
 * `renew`: the session is gone; whether the message took effect is unknown. `repeat`: nothing was
 * done, so the message may be sent once more. `other`: the server has changed its dialect.
 */
export type RefusalMeaning = "renew" | "repeat" | "other";

/** One dialect, as properties that the code of links reads. */
export interface Dialect {
  /** Part of a catalog's key. */
  readonly name: string;
  readonly codec: UpstreamFacingCodec;
  /**
   * How the server asks the client: by requests while a call runs, or by the result of the call.
   */
  readonly asks: UpstreamFacingCodec["asks"];
  /** Where the client and what it can be asked are declared: once, or with each request. */
  readonly clientContext: "handshake" | "request";
  /** Where log lines are asked for: once for a session, or with each request. */
  readonly logLevel: "session" | "request";
  /** How resources are followed: by a request for each, or by one open listen request. */
  readonly subscribe: "request" | "listen";
  /** Who may share a connection: the callers of one scope, or all. */
  readonly sharing: "scope" | "all";
  /** Whether tools can run as tasks. */
  readonly hasTasks: boolean;
  /** Whether a server must answer `ping`. */
  readonly hasPing: boolean;
  /** Whether some servers of other dialects never answer its first message, or exit on it. */
  readonly mayGoUnanswered: boolean;
  /** The first message and its answer; rejects with a GatewayError. */
  handshake(options: HandshakeOptions): Promise<HandshakeResult>;
  readonly http: HttpDialect;
  /** Whether an error says that the server does not speak in this dialect. */
  isRefusal(error: GatewayError): boolean;
  /** The listen request that delivers notices, if the dialect has one and any are wanted. */
  listenRequest(wanted: ListenInterest): WireMessage | undefined;
  /** Whether a notice says that the server accepted the listen request. */
  isAcknowledgement(notice: Notice): boolean;
}

/** Both dialects of one gateway. */
export interface Dialects {
  /** Those that may be tried for a caller, in order. */
  of(choice: EraChoice, revision: string): readonly Dialect[];
}

/** Makes the dialects. */
export function createDialects(identity: Identity): Dialects {
  const legacy = createLegacyDialect(identity);
  const modern = createModernDialect(identity);
  const fixed = { legacy: [legacy], modern: [modern] } as const;
  const legacyFirst = [legacy, modern];
  const modernFirst = [modern, legacy];
  return {
    of(choice, revision) {
      if (choice !== "auto") return fixed[choice];
      return isServed(revision) ? legacyFirst : modernFirst;
    },
  };
}

function createLegacyDialect(identity: Identity): Dialect {
  const codec = createLegacyCodec(identity).upstream;
  return {
    name: latestRevision,
    codec,
    asks: codec.asks,
    clientContext: "handshake",
    logLevel: "session",
    subscribe: "request",
    sharing: "scope",
    hasTasks: true,
    hasPing: true,
    mayGoUnanswered: false,
    async handshake({ request, notify, capabilities, clientTitle }) {
      const params = initializeParams(capabilities, identity, clientTitle);
      const decoded = decodeInitialize(await request("initialize", params));
      if (decoded.kind !== "ok") throw badHandshake(decoded);
      notify("notifications/initialized", {});
      return decoded.value;
    },
    http: {
      hasOlderTransport: true,
      hasStandaloneStream: true,
      resumesStreams: true,
      takesNotifications: true,
      mirrorsArguments: false,
      headers: sessionHeaders,
      sessionIn,
      resumingAfter,
      meaningOf: (refusal) => isSessionLost(refusal) ? "renew" : undefined,
    },
    // A server of the other era may answer the handshake with its own revision, or with nonsense.
    isRefusal: (error) => error.upstream !== undefined || error.code === "bad_upstream_response",
    listenRequest: () => undefined,
    isAcknowledgement: () => false,
  };
}

function createModernDialect(identity: Identity): Dialect {
  const codec = createModernCodec(identity).upstream;
  return {
    name: modernRevision,
    codec,
    asks: codec.asks,
    clientContext: "request",
    logLevel: "request",
    subscribe: "listen",
    sharing: "all",
    hasTasks: false,
    hasPing: false,
    mayGoUnanswered: true,
    async handshake({ request }) {
      const discover = () => request("server/discover", {});
      const answer = await discover().catch((thrown: unknown) => {
        // The server supports this revision. Some refuse the first request but accept it when
        // repeated.
        if (isServedHere(thrown)) return discover();
        throw thrown;
      });
      const decoded = decodeDiscover(answer);
      if (decoded.kind !== "ok") throw badHandshake(decoded);
      return { description: decoded.value.description, revision: modernRevision };
    },
    http: {
      hasOlderTransport: false,
      hasStandaloneStream: false,
      resumesStreams: false,
      takesNotifications: false,
      mirrorsArguments: true,
      headers: (_settled, message) =>
        message === undefined ? {} : requestHeaders(message.wire, message.tool),
      sessionIn: () => undefined,
      resumingAfter: () => ({}),
      meaningOf({ status, rpc }) {
        if (rpc === undefined) return noEndpoint.has(status) ? "other" : undefined;
        const supported = supportedIn(rpc.error);
        if (supported === undefined) return undefined;
        return supported.includes(modernRevision) ? "repeat" : "other";
      },
    },
    isRefusal(error) {
      if (error.code === "bad_upstream_response") return true;
      if (error.upstream === undefined) return false;
      const supported = supportedIn(error.upstream);
      // If none of the listed revisions has a handshake, there is no other dialect to try.
      return supported === undefined || supported.some(isServed);
    },
    listenRequest({ description: { capabilities }, uris }) {
      const changes = (name: string): boolean =>
        (capabilities[name] as JsonObject | undefined)?.["listChanged"] === true;
      const filter = {
        toolsListChanged: changes("tools"),
        promptsListChanged: changes("prompts"),
        resourcesListChanged: changes("resources"),
        resourceSubscriptions: uris,
      };
      const isEmpty = !Object.values(filter).includes(true) && uris.length === 0;
      return isEmpty ? undefined : encodeListen(filter);
    },
    isAcknowledgement: isAck,
  };
}

/**
 * Words in the output of programs that fail on the first message: names of the protocol, of
 * messages, and of functions in stack traces.
 */
const aboutMessages =
  /server\/discover|json-?rpc|json\.?(?:parse|decode)|\b(?:parse error|method not found|protocol (?:version|error|violation)|stdin)\b|(?:unknown|unexpected|unhandled|unsupported|invalid|received|first|initiali[sz]ed?) ?(?:\w+ )?(?:message|request|method|notification)|(?:before|until|expect\w*) ?initiali[sz]|not initiali[sz]ed|unmarshal|deseriali[sz]|on_?(?:request|message)\b|(?:handle|read|process|receive)_?(?:request|message|buffer|loop)/i;

/** Whether a line that a program printed may be about the message that it received. */
export function mentionsMessages(line: string): boolean {
  return aboutMessages.test(line);
}

/** Statuses of a URL that does not accept such messages. */
const noEndpoint: ReadonlySet<number> = new Set([404, 405]);

function isServedHere(thrown: unknown): boolean {
  const body = thrown instanceof GatewayError ? thrown.upstream : undefined;
  return body !== undefined && (supportedIn(body)?.includes(modernRevision) ?? false);
}

function badHandshake(
  decoded: { readonly kind: "unknown" } | { readonly kind: "invalid"; readonly message: string },
): GatewayError {
  const message = decoded.kind === "invalid" ? decoded.message : undefined;
  return new GatewayError("bad_upstream_response", message);
}
