/**
 * Reads a remote server's unsuccessful answer: an HTTP status, with or without a JSON-RPC error in
 * the body. It tells statuses about access (login, overload) from those about the dialect, and
 * refusals from failures after which a call may have taken effect. Follows "Sending Messages to the
 * Server" of the Streamable HTTP transport.
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

/** An unsuccessful answer. */
export interface HttpFault {
  readonly status: number;
  /** Says whether the request may have taken effect, judged by the status. */
  readonly error: GatewayError;
  readonly outcome: Outcome;
  /**
   * The JSON-RPC error in the body. Its id does not matter, since the answer belongs to one
   * request.
   */
  readonly rpc?: RpcFault | undefined;
  /** What the server said: the error's message, or else the beginning of the body. */
  readonly words: string;
  /**
   * Whether the status is about the message. If not, the JSON-RPC error says nothing about the
   * dialect.
   */
  readonly isAboutMessage: boolean;
  /** Whether the server refuses credentials, or the lack of them. */
  readonly isLogin: boolean;
  /** Whether it refuses credentials that the operator configured. */
  readonly isLoginRefused: boolean;
}

/** A JSON-RPC error in a body. */
export interface RpcFault {
  readonly id: RequestId | undefined;
  readonly error: UpstreamErrorBody;
}

/** A gateway answers its own requests with 508 (routes.ts). */
const leadsBack = "leads back to this gateway; give the URL of another server, or remove it";

/** Statuses about access or load, not about the message. */
const aboutTheWay: ReadonlySet<number> = new Set([401, 403, 407, 408, 425, 429, 503, 508]);

function isUnknownHere(status: number): boolean {
  return status >= 400 && status < 500 && !aboutTheWay.has(status);
}

/** Refusals after which a request may still have taken effect, so its outcome is unknown. */
const unsureStatuses: ReadonlySet<number> = new Set([404, 408, 410]);

/** Whether a request with this answer may have taken effect. */
function outcomeOf(status: number): Outcome {
  return status >= 400 && status < 500 && !unsureStatuses.has(status) ? "refused" : "unknown";
}

/** Errors of servers that have no such endpoint at their URL. */
const noSuchThing = new WeakSet<GatewayError>();

/** Whether an error says that the URL has no such endpoint. */
export function isNoSuchThing(error: GatewayError): boolean {
  return noSuchThing.has(error);
}

/** Refusals with a challenge (RFC 9110, section 11.3): a log-in would help. */
const challenges = new WeakSet<GatewayError>();

/** Whether an error says that the server wants a log-in. */
export function wantsLogin(error: GatewayError): boolean {
  return challenges.has(error);
}

/** Failures inside a server, which the message may have caused. */
const serverFaults = new WeakSet<GatewayError>();

/** Whether an error's status says that the server itself failed. */
export function isServerFault(error: GatewayError): boolean {
  return serverFaults.has(error);
}

/**
 * Whether the connection broke during a message: some servers close it on one that they do not
 * know.
 */
export function isBroken({ code, data }: GatewayError): boolean {
  return code === "upstream_unavailable" && data?.["status"] === undefined &&
    data?.["outcome"] === "unknown";
}

/** Statuses by which a proxy says that the server behind it is unavailable. */
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

/** What each server said when it refused a stream. */
const spoken = new WeakMap<GatewayError, string>();

/** What the server said when it refused a stream. */
export function wordsOf(error: GatewayError): string {
  return spoken.get(error) ?? "";
}

/** Reads an unsuccessful answer. */
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
  const hasChallenge = answer.headers.has("www-authenticate");
  const means = isShown ? "shown" : config.oauth === undefined || !hasChallenge ? "none" : "grant";
  const why = refusals[status]?.[means] ?? `answers with status ${status}`;
  const outcome = outcomeOf(status);
  const plain = answer.toError(why);
  // The sentence about the outcome is for calls; a failed start has none.
  const error = outcome === "refused" ? withOutcome(plain, outcome) : plain;
  const isAboutMessage = isUnknownHere(status);
  if (isAboutMessage) noSuchThing.add(error);
  if (status === 401 && hasChallenge) challenges.add(error);
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

/** Only the beginning of a body is searched for known sentences. */
const wordCharsMax = 500;
/** Statuses that refuse credentials. */
const loginStatuses: ReadonlySet<number> = new Set([401, 403]);

/** What requests carry next to the messages. */
type ShownToServer = Pick<HttpServerConfig, "headers" | "credentials" | "oauth">;

/** What is wrong with a request. */
interface RefusalWords {
  /** Credentials are configured. */
  readonly shown: string;
  /** None are, and the server does not say that a log-in would help. */
  readonly none: string;
  /** The server wants a log-in, and refuses what the log-ins so far have given. */
  readonly grant: string;
}

/** What is wrong, by status. */
const refusals: Readonly<Record<number, RefusalWords>> = {
  401: {
    shown: "refuses the credentials; check them in its configuration",
    none: 'wants credentials, and none are configured; set its "credentials"',
    grant: "does not accept the log-in; log in again",
  },
  403: {
    shown: "refuses the credentials; check them in its configuration",
    none: 'refuses access; if it wants credentials, set its "credentials"',
    grant: "refuses access: the log-in does not allow this",
  },
  508: { shown: leadsBack, none: leadsBack, grant: leadsBack },
};

/** Headers that commonly carry credentials. */
const loginHeader = /auth|cookie|key|token|secret|session/i;

function showsCredentials({ headers, credentials }: ShownToServer): boolean {
  return credentials.type !== "none" || Object.keys(headers).some((name) => loginHeader.test(name));
}

/** The JSON-RPC error in a body, whatever its media type. */
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

/** Drops a body. Reading it to its end keeps the connection usable; a stream is cancelled. */
export function discard(answer: HttpAnswer): void {
  const isStream = mediaType(answer) === "text/event-stream";
  (isStream ? answer.body.cancel() : answer.text()).catch(() => {});
}
