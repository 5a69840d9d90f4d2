/**
 * How servers are spoken to: the two dialects (the handshake era's and the stateless one's), which of
 * them a caller's revision asks for first, and what a server is told of the client. The one file of
 * this folder that knows eras; the rest asks a dialect. Follows "Backward Compatibility" of the stdio
 * and Streamable HTTP transports, and the rule that a server which speaks both is spoken to in its
 * client's own.
 */
import type { EraChoice, McpServerConfig } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import { defaultLimits } from "../../limits.ts";
import type { Caller, Description, JsonObject, Notice } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import type { ClientContext, UpstreamFacingCodec, WireMessage } from "../../protocol/codec.ts";
import {
  decodeInitialize,
  initializeParams,
  plainCapabilities,
  relayableCapabilities,
} from "../../protocol/legacy/initialize_params.ts";
import {
  type HttpRefusal,
  isSessionLost,
  resumingAfter,
  sessionHeaders,
  sessionIn,
} from "../../protocol/legacy/http_wire.ts";
import { isServed, latestRevision } from "../../protocol/legacy/revisions.ts";
import { legacyUpstreamCodec } from "../../protocol/legacy/upstream_facing.ts";
import { requestHeaders } from "../../protocol/modern/http_wire.ts";
import { encodeListen, isAck } from "../../protocol/modern/listen_filter.ts";
import {
  createModernUpstreamCodec,
  decodeDiscover,
  supportedIn,
} from "../../protocol/modern/upstream_facing.ts";
import { modernRevision } from "../../protocol/modern/revision.ts";

/**
 * In whose dialect a server is tried while no client has asked. Most programs know the handshake
 * alone, and some die of another question; a remote server answers that it does not know one.
 */
export const trialRevisions = { program: latestRevision, remote: modernRevision } as const;

/** Name and version of the gateway. */
type Identity = { readonly name: string; readonly version: string };

/** What a dialect needs for the handshake with a server. */
export interface HandshakeOptions {
  readonly request: (method: string, params: JsonObject) => Promise<JsonObject>;
  readonly notify: (method: string, params: JsonObject) => void;
  readonly capabilities: JsonObject;
  readonly clientTitle?: string | undefined;
}

/** What is to be heard of a server outside of calls. */
export interface ListenInterest {
  readonly description: Description;
  readonly uris: readonly string[];
}

/** What a server said first. */
export interface HandshakeResult {
  readonly description: Description;
  readonly revision: string;
}

/** How messages travel over HTTP, beside their bodies. */
export interface HttpDialect {
  /** Headers of a POST; without a message those of every request. */
  headers(
    settled: { readonly session: string | undefined; readonly revision: string | undefined },
    message?: { readonly wire: WireMessage; readonly tool: JsonObject | undefined },
  ): Record<string, string>;
  /** The session that an answer opens. */
  sessionIn(headers: Headers): string | undefined;
  /** Headers by which a broken stream goes on. */
  resumingAfter(eventId: string | undefined): Record<string, string>;
  /** What the refusal of a message says beside that. */
  readonly meaningOf: (refusal: HttpRefusal) => RefusalMeaning | undefined;
}

/**
 * `renew`: the session is gone; whether the message took effect is unknown. `repeat`: nothing was
 * done, and it may be sent once more as it is. `other`: the server does not speak as it did.
 */
export type RefusalMeaning = "renew" | "repeat" | "other";

/** One way of speaking. */
export interface Dialect {
  /** Part of a catalog's key. */
  readonly name: string;
  readonly codec: UpstreamFacingCodec;
  /** Whether each request says on whose behalf it is made, so that one connection serves all. */
  readonly stateless: boolean;
  /** Whether some servers that do not speak it never answer its first message, or die of it. */
  readonly mayGoUnanswered: boolean;
  /** The first message and its answer; rejects with a GatewayError. */
  handshake(options: HandshakeOptions): Promise<HandshakeResult>;
  readonly http: HttpDialect;
  /** Whether an error says that the server does not speak in this dialect. */
  isRefusal(error: GatewayError): boolean;
  /** The standing request by which notices come, where there is one and something to hear. */
  listenRequest(wanted: ListenInterest): WireMessage | undefined;
  /** Whether a notice says that the standing request was taken. */
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
  return {
    of(choice, revision) {
      if (choice === "legacy") return [legacy];
      if (choice === "modern") return [modern];
      return isServed(revision) ? [legacy, modern] : [modern, legacy];
    },
  };
}

function createLegacyDialect(identity: Identity): Dialect {
  return {
    name: latestRevision,
    codec: legacyUpstreamCodec,
    stateless: false,
    mayGoUnanswered: false,
    async handshake({ request, notify, capabilities, clientTitle }) {
      const params = initializeParams(capabilities, identity, clientTitle);
      const decoded = decodeInitialize(await request("initialize", params));
      if (decoded.kind !== "ok") throw badHandshake(decoded);
      notify("notifications/initialized", {});
      return decoded.value;
    },
    http: {
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
  return {
    name: modernRevision,
    codec: createModernUpstreamCodec(identity),
    stateless: true,
    mayGoUnanswered: true,
    async handshake({ request }) {
      const discover = () => request("server/discover", {});
      const answer = await discover().catch((thrown: unknown) => {
        // It speaks this era; some refuse the first request for no better reason than to see a second.
        if (isServedHere(thrown)) return discover();
        throw thrown;
      });
      const decoded = decodeDiscover(answer);
      if (decoded.kind !== "ok") throw badHandshake(decoded);
      return { description: decoded.value.description, revision: modernRevision };
    },
    http: {
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
      // A list of revisions of which none is of the handshake era: there is no other way to speak.
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
 * Words by which programs say that what they were asked first is what they cannot take: names of the
 * protocol, of messages, and of the functions that read them, as they stand in a stack.
 */
const aboutMessages =
  /server\/discover|json-?rpc|json\.?(?:parse|decode)|\b(?:parse error|method not found|protocol (?:version|error|violation)|stdin)\b|(?:unknown|unexpected|unhandled|unsupported|invalid|received|first|initiali[sz]ed?) ?(?:\w+ )?(?:message|request|method|notification)|(?:before|until|expect\w*) ?initiali[sz]|not initiali[sz]ed|unmarshal|deseriali[sz]|on_?(?:request|message)\b|(?:handle|read|process|receive)_?(?:request|message|buffer|loop)/i;

/** Whether a line that a program printed may be about the message that it got. */
export function mentionsMessages(line: string): boolean {
  return aboutMessages.test(line);
}

/** Statuses of a URL at which nobody takes such messages. */
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

/**
 * What a server is told at its start that its client can do: of a session's client what can be
 * relayed, of the many clients of a shared process nothing; and roots when the operator decides on
 * them. Clients that share processes by what they declare are told of in one way only.
 */
export function declaredCapabilities(
  { isolation, roots }: Pick<McpServerConfig, "isolation" | "roots">,
  { capabilities, asksByResult }: Caller,
): JsonObject {
  if (isolation === "shared") return withRoots(roots, {});
  const relayed = asksByResult === true
    ? plainCapabilities(capabilities)
    : relayableCapabilities(capabilities);
  return withRoots(roots, relayed);
}

/** On whose behalf a caller's request is made, where each request says so. */
export function clientContextOf(
  config: Pick<McpServerConfig, "roots" | "isolation" | "identify">,
  caller: Caller,
): ClientContext {
  // Nobody else's request is touched by what this one may be asked, however many share the connection.
  const capabilities = withRoots(config.roots, relayableCapabilities(caller.capabilities));
  const clientTitle = titleOf(config, caller);
  return { capabilities, logLevel: caller.logLevel, clientTitle };
}

/**
 * What a server hears at its start of the client for whom it works. A process that several clients
 * share, or all requests of a principal, works for none of them alone, so it hears no name.
 */
export function clientShownTo(
  config: Pick<McpServerConfig, "isolation" | "identify" | "roots">,
  caller: Caller,
): Pick<HandshakeOptions, "capabilities" | "clientTitle"> {
  const capabilities = declaredCapabilities(config, caller);
  return caller.asksByResult === true
    ? { capabilities }
    : { capabilities, clientTitle: titleOf(config, caller) };
}

/** The client's name for a server that may get it, next to the gateway's own. */
function titleOf(
  { isolation, identify }: Pick<McpServerConfig, "isolation" | "identify">,
  { clientInfo: { title, name } }: Caller,
): string | undefined {
  if (!identify || isolation === "shared") return undefined;
  const texts = [title, name].filter((text) => typeof text === "string");
  return texts.map((text) => oneLine(text, defaultLimits.clientTitleCharsMax))
    .find((text) => text !== "");
}

function withRoots(roots: McpServerConfig["roots"], relayed: JsonObject): JsonObject {
  if (roots === "relay") return relayed;
  const { roots: _, ...others } = relayed;
  return roots === "none" ? others : { ...others, roots: {} };
}
