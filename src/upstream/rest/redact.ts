/**
 * Removes secrets from an API's texts before they are passed on (cases H1, H3). Some APIs repeat
 * the credentials that they received, in an error message or in the links of a successful answer.
 * Every secret that was sent is removed in all its forms. URLs in messages lose parts that could
 * grant access.
 */
import { base64ToBytes } from "../../bytes_text.ts";
import { isJsonObject } from "../../json.ts";
import { toPublicUrl } from "../../outgoing/failure.ts";
import type { SecurityContext } from "../../outgoing/authorization.ts";

/** Shorter values could be ordinary words, of which data has more than messages. */
const secretCharsMin = 4;
const dataSecretCharsMin = 8;

/** Names of headers that grant access. */
const secretName = /auth|cookie|token|key|pass|secret|credential|session/i;

type Values = Readonly<Record<string, string>>;

/** The text without the values of these headers, query parameters and cookies. */
export function hideSecrets(text: string, shown: readonly Values[]): string {
  return hide(text, toPattern(toNeedles(shown, secretCharsMin))).replace(
    /\bhttps?:\/\/[^\s"'<>`\\]+/gi,
    (url) => URL.canParse(url) ? toPublicUrl(url) : "…",
  );
}

/** Removes the sent credentials from an answer. */
export interface AnswerRedactor {
  /** Whether an answer with this text, parsed or not, can contain any of them. */
  mayConcern(text: string): boolean;
  fromText(text: string): string;
  fromValue(value: unknown): unknown;
}

/** Makes the redactor. A configured header counts only if its name suggests a secret. */
export function createAnswerRedactor(
  { headers, query, cookies }: SecurityContext,
  configured: Values,
): AnswerRedactor {
  const secret = Object.entries(configured).filter(([name]) => secretName.test(name));
  const needles = toNeedles(
    [headers, query, cookies, Object.fromEntries(secret)],
    dataSecretCharsMin,
  );
  // The longest run of letters and digits is the same in every encoding.
  const traces = [...new Set(needles.map(longestWord))];
  const pattern = toPattern(needles);
  const fromText = (text: string) => hide(text, pattern);
  const fromValue = (value: unknown): unknown => {
    if (typeof value === "string") return fromText(value);
    if (Array.isArray(value)) return value.map(fromValue);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [fromText(key), fromValue(member)]),
    );
  };
  return {
    mayConcern: (text) => traces.some((trace) => text.includes(trace)),
    fromText,
    fromValue,
  };
}

function longestWord(text: string): string {
  return (text.match(/[A-Za-z0-9]+/g) ?? [])
    .reduce((longest, word) => word.length > longest.length ? word : longest, "");
}

/** Any of these texts, in one pass; earlier ones take precedence. */
function toPattern(needles: readonly string[]): RegExp | undefined {
  const escaped = needles.map((needle) => needle.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return escaped.length === 0 ? undefined : new RegExp(escaped.join("|"), "g");
}

function hide(text: string, pattern: RegExp | undefined): string {
  return pattern === undefined ? text : text.replace(pattern, "…");
}

/** All forms of these values, the longest first. */
function toNeedles(shown: readonly Values[], charsMin: number): string[] {
  const forms = shown.flatMap((one) => Object.values(one)).flatMap(toForms)
    .filter((secret) => secret.length >= charsMin);
  return [...new Set(forms)].sort((one, other) => other.length - one.length);
}

function toForms(value: string): string[] {
  // `Bearer x`, `Basic x`: only the second word is the secret.
  const [, word = ""] = /^\S+\s+(\S+)$/.exec(value) ?? [];
  const [, login = ""] = /^basic\s+(\S+)$/i.exec(value) ?? [];
  const decoded = decode(login);
  const password = decoded.slice(decoded.indexOf(":") + 1);
  return [value, word, decoded, password].flatMap((one) => [one, ...encodeForms(one)]);
}

/** The forms of a text in a URL: the digits of escapes in upper and lower case. */
function encodeForms(text: string): string[] {
  if (!text.isWellFormed()) return [];
  const encoded = encodeURIComponent(text);
  return [encoded, encoded.replace(/%../g, (byte) => byte.toLowerCase())];
}

function decode(base64: string): string {
  try {
    return new TextDecoder().decode(base64ToBytes(base64));
  } catch {
    return "";
  }
}
