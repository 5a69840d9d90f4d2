/**
 * What a remote server's answer says when it is no success: a fault of HTTP, with or without a
 * JSON-RPC error inside. Statuses that concern access (login, overload) are distinguished from
 * those that say how the server speaks, and refusals from failures after which a call may have
 * taken effect. Follows "Sending Messages to the Server" of the Streamable HTTP transport.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { beginning } from "../../excerpt.ts";
import {
  type GatewayError,
  type Outcome,
  type UpstreamErrorBody,
  withOutcome,
} from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { RequestId } from "../../model.ts";
import { parseJson, toMessage } from "../../protocol/jsonrpc.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";

/** An answer that is no success. */
export interface HttpFault {
  readonly status: number;
  /** It says whether the request may have taken effect, by the status. */
  readonly error: GatewayError;
  readonly outcome: Outcome;
  /** The JSON-RPC error in its body, whose id does not matter: it answers one request. */
  readonly rpc?: RpcFault | undefined;
  /** Its words: the error's message, or else the beginning of the body. */
  readonly words: string;
  /**
   * Whether the status is about the message; else its JSON-RPC error says nothing of the dialect.
   */
  readonly isAboutMessage: boolean;
  /** Whether it refuses a login, or the lack of one. */
  readonly isLogin: boolean;
  /** Whether that is one which the operator has given. */
  readonly isLoginRefused: boolean;
}

/** A JSON-RPC error in a body. */
export interface RpcFault {
  readonly id: RequestId | undefined;
  readonly error: UpstreamErrorBody;
}

/** What our own door says by 508 (routes.ts) of a request that comes from its own gateway. */
const leadsBack = "leads back to this gateway; give the URL of another server, or remove it";

/** Statuses about the way, not about what was sent. */
const aboutTheWay: ReadonlySet<number> = new Set([401, 403, 407, 408, 425, 429, 503, 508]);

function isUnknownHere(status: number): boolean {
  return status >= 400 && status < 500 && !aboutTheWay.has(status);
}

/**
 * Statuses of refusals after which a request may have taken effect all the same: it may be
 * repeated.
 */
const unsureStatuses: ReadonlySet<number> = new Set([404, 408, 410]);

/** Whether a request that was answered so may have taken effect. */
function outcomeOf(status: number): Outcome {
  return status >= 400 && status < 500 && !unsureStatuses.has(status) ? "refused" : "unknown";
}

/** Errors of servers that have nothing of what was asked for at their URL. */
const noSuchThing = new WeakSet<GatewayError>();

/** Whether an error says that there is nothing such at the URL, and holds no JSON-RPC error. */
export function isNoSuchThing(error: GatewayError): boolean {
  return noSuchThing.has(error);
}

/** Failures inside a server, which may be over what it was asked. */
const serverFaults = new WeakSet<GatewayError>();

/** Whether an error is one, by its status. */
export function isServerFault(error: GatewayError): boolean {
  return serverFaults.has(error);
}

/**
 * Whether the connection broke over a message: some servers do that with one that they do not know.
 */
export function isBroken({ code, data }: GatewayError): boolean {
  return code === "upstream_unavailable" && data?.["status"] === undefined &&
    data?.["outcome"] === "unknown";
}

/** Statuses by which a proxy says that the server behind it is away. */
const awayStatuses: ReadonlySet<unknown> = new Set([undefined, 502, 503, 504]);

/** Whether an error says that nothing is there to answer. */
export function isAway({ code, data }: GatewayError): boolean {
  return (code === "upstream_unavailable" || code === "upstream_timeout") &&
    awayStatuses.has(data?.["status"]);
}

/** The media type of an answer, without parameters. */
export function mediaType({ headers }: Pick<HttpAnswer, "headers">): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The stream that a GET has opened; throws when the server has none. */
export async function toEventStream(
  answer: HttpAnswer,
  config: ShownToServer,
  limits: Limits,
): Promise<HttpAnswer> {
  if (answer.status >= 400) {
    const { error, words } = await readFault(answer, config, limits);
    spoken.set(error, words);
    throw error;
  }
  if (answer.status === 200 && mediaType(answer) === "text/event-stream") return answer;
  const error = answer.toError("has no event stream at its URL", "bad_upstream_response");
  noSuchThing.add(error);
  throw error;
}

/** What servers said when they refused a stream. */
const spoken = new WeakMap<GatewayError, string>();

/** The words of a server that refused a stream. */
export function wordsOf(error: GatewayError): string {
  return spoken.get(error) ?? "";
}

/** An answer whose status is no success, as a failure. */
export async function readFault(
  answer: HttpAnswer,
  config: ShownToServer,
  limits: Limits,
): Promise<HttpFault> {
  const { status } = answer;
  const text = mediaType(answer) === "text/event-stream" ? "" : await answer.text().catch(() => "");
  const rpc = rpcIn(text, limits);
  const isLogin = loginStatuses.has(status);
  const isShown = showsCredentials(config);
  const why = refusals[status]?.[isShown ? "shown" : "none"] ?? `answers with status ${status}`;
  const outcome = outcomeOf(status);
  const plain = answer.toError(why);
  // The sentence is for calls; a start that failed is said without it.
  const error = outcome === "refused" ? withOutcome(plain, outcome) : plain;
  const isAboutMessage = isUnknownHere(status);
  if (isAboutMessage) noSuchThing.add(error);
  if (status >= 500 && status !== 508) serverFaults.add(error);
  return {
    status,
    error,
    outcome,
    rpc,
    words: rpc?.error.message ?? beginning(text, wordCharsMax),
    isAboutMessage,
    isLogin,
    isLoginRefused: isLogin && isShown,
  };
}

/** Sentences are looked for at the beginning of a body. */
const wordCharsMax = 500;
/** Statuses by which a login is refused. */
const loginStatuses: ReadonlySet<number> = new Set([401, 403]);

/** What requests carry next to the messages. */
type ShownToServer = Pick<HttpServerConfig, "headers" | "credentials">;

/** What is wrong by status: with credentials that are configured, and where there are none. */
const refusals: Readonly<Record<number, { readonly shown: string; readonly none: string }>> = {
  401: {
    shown: "refuses the credentials; check them in its configuration",
    none: 'wants credentials, and none are configured; set its "credentials"',
  },
  403: {
    shown: "refuses the credentials; check them in its configuration",
    none: 'refuses access; where it wants credentials, set its "credentials"',
  },
  508: { shown: leadsBack, none: leadsBack },
};

/** Headers that commonly carry credentials. */
const loginHeader = /auth|cookie|key|token|secret|session/i;

function showsCredentials({ headers, credentials }: ShownToServer): boolean {
  return credentials.type !== "none" || Object.keys(headers).some((name) => loginHeader.test(name));
}

/** The JSON-RPC error that a body is, whatever its media type. */
export function rpcIn(text: string, limits: Limits): RpcFault | undefined {
  if (!isMessage(text)) return undefined;
  try {
    const message = toMessage(parseJson(text, limits, false), limits);
    return message.kind === "error" ? { id: message.id, error: message.error } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a body may hold messages, by its first character. */
export function isMessage(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

/** Reads a body to its end unused, which keeps the connection usable; a stream is cancelled. */
export function discard(answer: HttpAnswer): void {
  const isStream = mediaType(answer) === "text/event-stream";
  (isStream ? answer.body.cancel() : answer.text()).catch(() => {});
}
