/**
 * What a remote server's answer says when it is no success: a fault of HTTP, with or without a
 * JSON-RPC error inside. Statuses that say something about the way (login, overload) are told apart
 * from those that say how the server speaks. Follows "Sending Messages to the Server" of the
 * Streamable HTTP transport.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import type { GatewayError, UpstreamErrorBody } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { idOf, isJsonObject, parseJson, toMessage } from "../../protocol/jsonrpc.ts";
import type { HttpAnswer } from "../../outgoing/answer.ts";

/** An answer that is no success. */
export interface Fault {
  readonly error: GatewayError;
  /** Its JSON-RPC error, where it has one that may be about the request that it answers. */
  readonly rpc?: {
    readonly error: UpstreamErrorBody;
    /** The message, with the request's id where it came without one. */
    readonly textFor: (id: string | number) => string;
  };
}

/** What our own door says by 508 (routes.ts) of a request that comes from its own gateway. */
const leadsBack = "leads back to this gateway; give the URL of another server, or remove it";

/** Statuses about the way, not about what was sent. */
const aboutTheWay: ReadonlySet<number> = new Set([401, 403, 407, 408, 425, 429, 503, 508]);

function isUnknownHere(status: number): boolean {
  return status >= 400 && status < 500 && !aboutTheWay.has(status);
}

/** Errors of servers that have nothing of what was asked for at their URL. */
const noSuchThing = new WeakSet<GatewayError>();

/** Whether an error says that there is nothing such at the URL, and holds no JSON-RPC error. */
export function isNoSuchThing(error: GatewayError): boolean {
  return noSuchThing.has(error);
}

/** Failures inside a server, which may be over what it was asked. */
const serverFaults = new WeakSet<GatewayError>();

/** Whether an error is one, by its status (5xx, unless that is about the way). */
export function isServerFault(error: GatewayError): boolean {
  return serverFaults.has(error);
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
  if (answer.status >= 400) throw (await readFault(answer, config, limits)).error;
  if (answer.status === 200 && mediaType(answer) === "text/event-stream") return answer;
  const error = answer.toError("has no event stream at its URL", "bad_upstream_response");
  noSuchThing.add(error);
  throw error;
}

/** An answer whose status is no success, as a failure. */
export async function readFault(
  answer: HttpAnswer,
  config: ShownToServer,
  limits: Limits,
): Promise<Fault> {
  const { status } = answer;
  const refusal = refusals[status];
  if (refusal !== undefined) {
    return { error: answer.toError(refusal[showsCredentials(config) ? "shown" : "none"]) };
  }
  const rpc = isUnknownHere(status) && mediaType(answer) === "application/json"
    ? rpcIn(await answer.text().catch(() => ""), limits)
    : undefined;
  const error = answer.toError(`answers with status ${status}`);
  if (isUnknownHere(status)) noSuchThing.add(error);
  if (status >= 500 && !aboutTheWay.has(status)) serverFaults.add(error);
  return rpc === undefined ? { error } : { error, rpc };
}

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

function rpcIn(text: string, limits: Limits): Fault["rpc"] {
  try {
    const value = parseJson(text, limits, false);
    const message = toMessage(value, limits);
    if (message.kind !== "error" || !isJsonObject(value)) return undefined;
    return {
      error: message.error,
      // Some servers answer before they have read whose request it was.
      textFor: (id) => idOf(value, limits) === undefined ? JSON.stringify({ ...value, id }) : text,
    };
  } catch {
    return undefined;
  }
}

/** Reads what nobody needs, which leaves the connection whole; a stream is cut. */
export function discard(answer: HttpAnswer): void {
  const isStream = mediaType(answer) === "text/event-stream";
  (isStream ? answer.body.cancel() : answer.text()).catch(() => {});
}
