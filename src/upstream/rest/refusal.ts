/**
 * A status of failure as an error, with the API's own words on one line and without secrets (cases
 * H1, H3), with advice, and with its outcome.
 */
import type { GatewayError, Outcome } from "../../errors.ts";
import { truncate } from "../../excerpt.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { marked, toPublicUrl } from "../../outgoing/failure.ts";
import { decodeText } from "../../outgoing/decode_text.ts";
import { readFirst } from "./response_bytes.ts";
import { parseBody, type Reading } from "./reading.ts";
import { hideSecrets } from "./redact.ts";
import { isJsonType } from "./request_body.ts";

/** A status of 300 or more as an error. Ends the body. */
export async function toRefusal(
  answer: HttpAnswer,
  url: string,
  reading: Reading,
): Promise<GatewayError> {
  const { status } = answer;
  const outcome = toOutcome(answer);
  if (status < 400) {
    const why = explainRedirect(answer, url, reading);
    return marked(answer.toError(why, "bad_upstream_response"), outcome);
  }
  // A server's own fault may reveal internals (case H3).
  const said = status >= 500 ? undefined : await readMessage(answer, reading);
  const words = said === undefined ? "" : `: ${said}`;
  const why = status === 401 || status === 403
    ? `${explainRefusal(answer, reading)} (status ${status})${words}`
    : `answered with status ${status}${words}`;
  return marked(answer.toError(why), outcome);
}

/** An API may redirect after the work is done, as 303 says. */
function toOutcome({ status, isRepeated }: HttpAnswer): Outcome {
  return status >= 400 && status < 500 && !isRepeated ? "refused" : "unknown";
}

/** Redirects that may be followed were followed; a call that may change something follows none. */
function explainRedirect(
  { status, headers }: HttpAnswer,
  url: string,
  { operation: { method } }: Reading,
): string {
  const location = headers.get("location");
  if (location === null || !URL.canParse(location, url)) return `answered with status ${status}`;
  const target = toPublicUrl(new URL(location, url).href);
  return `redirects to "${target}" with status ${status}, which ${method} does not follow; ` +
    "correct its URL";
}

function explainRefusal(
  { isDegraded }: HttpAnswer,
  { shown: { headers, query, cookies } }: Reading,
): string {
  if (isDegraded) return "needs credentials that are unavailable now";
  return [headers, query, cookies].some((one) => Object.keys(one).length > 0)
    ? "refused the credentials, or they lack the permission"
    : 'wants credentials; give the server "credentials"';
}

/** The usual places of an error's message. */
const usualPlaces = [
  "error",
  "message",
  "detail",
  "title",
  "error_description",
  "errors",
  "status",
];

async function readMessage(
  { body, headers }: HttpAnswer,
  { limits, errorMessages, shown, headers: ours }: Reading,
): Promise<string | undefined> {
  if (!isJsonType(headers.get("content-type") ?? "")) return undefined;
  const part = await readFirst(body, limits.restErrorBytesMax);
  if (!part.isWhole) return undefined;
  const value = parseBody(decodeText(part.bytes, headers), limits)?.value;
  const found =
    errorMessages.map((find) => toWords(find(value))).find((text) => text !== undefined) ??
      toWords(value);
  if (found === undefined) return undefined;
  const words = hideSecrets(found, [shown.headers, shown.query, shown.cookies, ours]);
  return truncate(words.replace(/[\s\p{C}]+/gu, " ").trim(), limits.restErrorCharsMax);
}

/** The message in an error response, a few levels down. */
function toWords(value: unknown, depth = 0): string | undefined {
  if (typeof value === "string") return value.trim() === "" ? undefined : value;
  if (depth > 3 || typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return toWords(value[0], depth + 1);
  if (!isJsonObject(value)) return undefined;
  for (const place of [...usualPlaces, "error_message"]) {
    const words = toWords((value as JsonObject)[place], depth + 1);
    if (words !== undefined) return words;
  }
  return undefined;
}
