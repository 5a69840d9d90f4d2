/**
 * Words of an API that may be passed on (hostile cases H1, H3): some repeat what they were sent, and
 * that may have been a key. Every secret that was shown, in the forms it may come back in, is taken
 * out, and URLs lose what could let somebody in.
 */
import { toPublicUrl } from "../../outgoing/failure.ts";

/** Shorter values are words as well, and guessed sooner than read. */
const secretCharsMin = 4;

/** The text without the values of these headers, query parameters and cookies. */
export function hideSecrets(
  text: string,
  shown: readonly Readonly<Record<string, string>>[],
): string {
  const secrets = shown.flatMap((one) => Object.values(one)).flatMap(toForms)
    .filter((secret) => secret.length >= secretCharsMin)
    .sort((one, other) => other.length - one.length);
  const hidden = secrets.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
  return hidden.replace(
    /\bhttps?:\/\/[^\s"'<>`\\]+/gi,
    (url) => URL.canParse(url) ? toPublicUrl(url) : "…",
  );
}

function toForms(value: string): string[] {
  // `Bearer x`, `Basic x`: the second word alone is the secret.
  const [, word = ""] = /^\S+\s+(\S+)$/.exec(value) ?? [];
  const [, login = ""] = /^basic\s+(\S+)$/i.exec(value) ?? [];
  const decoded = decode(login);
  const password = decoded.slice(decoded.indexOf(":") + 1);
  return [value, word, decoded, password].flatMap((one) => [one, encodeForm(one)]);
}

function encodeForm(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}

function decode(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(base64));
  } catch {
    return "";
  }
}
