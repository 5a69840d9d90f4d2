/**
 * What a remote server's answer to a POST says: messages in a body or a stream, nothing, or a fault
 * of HTTP with or without a JSON-RPC error inside. Statuses that say something about the way (login,
 * overload) are told apart from those that say how the server speaks. Follows "Sending Messages to
 * the Server" of the Streamable HTTP transport.
 */
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { idOf, isJsonObject, parseJson, toMessage } from "../../protocol/jsonrpc.ts";
import type { HttpAnswer } from "./answer.ts";

/** Whether a status says that the server does not know such messages, rather than not now or not you. */
export function isUnknownHere(status: number): boolean {
  return status >= 400 && status < 500 && !aboutTheWay.has(status);
}

const aboutTheWay: ReadonlySet<number> = new Set([401, 403, 407, 408, 425, 429]);

/** Errors of statuses by which a server shows that it does not know such messages. */
const unknownHere = new WeakSet<GatewayError>();

/** Whether an error came of such a status, and of no JSON-RPC error. */
export function isNoSuchMessage(error: GatewayError): boolean {
  return unknownHere.has(error);
}

/** The media type of an answer, without parameters. */
export function mediaType({ headers }: Pick<HttpAnswer, "headers">): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * An answer whose status is no success, as a failure. `line` is its JSON-RPC error, when it has one
 * that may be about the request with this id.
 */
export async function readFault(
  answer: HttpAnswer,
  limits: Limits,
): Promise<{ readonly error: GatewayError; readonly line?: string }> {
  const { status } = answer;
  if (status === 401 || status === 403) {
    return { error: answer.toError("refuses the credentials; check them in its configuration") };
  }
  const line = isUnknownHere(status) && mediaType(answer) === "application/json"
    ? rpcErrorIn(await answer.text().catch(() => ""), limits)
    : undefined;
  const error = answer.toError(`answers with status ${status}`);
  if (isUnknownHere(status)) unknownHere.add(error);
  return line === undefined ? { error } : { error, line };
}

/** The text, when it is a JSON-RPC error. */
function rpcErrorIn(text: string, limits: Limits): string | undefined {
  try {
    const message = toMessage(parseJson(text, limits, false), limits);
    return message.kind === "error" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A JSON-RPC error text with this id: some servers answer without one when they read no body. */
export function withId(line: string, id: string | number, limits: Limits): string {
  const value = parseJson(line, limits, false);
  if (!isJsonObject(value) || idOf(value, limits) !== undefined) return line;
  return JSON.stringify({ ...value, id });
}
