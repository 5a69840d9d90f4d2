/**
 * Finds literal secrets in an entry of `mcp.json` and replaces each by a reference to a variable:
 * in variables, headers, arguments and URLs. What looks like a secret by its name is decided in
 * config/child_environment.ts; here it also counts by its own form, as the tokens of well-known
 * services do.
 */
import { looksSecret, secretsInArguments } from "../../config/child_environment.ts";
import { isJsonObject } from "../../json.ts";
import type { ServerObject } from "./server_editor.ts";

/**
 * Gives a secret the name of a variable: `wanted` itself if it is free. Only the name of a variable
 * of the program is known beyond its server; others get the server's name in front.
 */
export type NameSecret = (wanted: string, value: string, isVariable: boolean) => string;

/** Tokens that say what they are. */
const tokenForm =
  /^(?:gh[pousr]_|github_pat_|glpat-|sk-|sk_(?:live|test)_|pk_live_|xox[abeprs]-|AKIA[A-Z0-9]{8}|AIza|eyJ[\w-]+\.|hf_|npm_|dckr_pat_|lin_api_|ntn_|secret_|SG\.|ya29\.)/;
/** The scheme in front of a secret, which stays. */
const scheme = /^((?:Bearer|Basic|Token|ApiKey|Api-Key|Key)\s+)(.+)$/is;
/** A login in a URL; the password alone is the secret. */
const login = /^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)([^/\s@]+)(@.*)$/is;
/** A parameter of a URL's query. */
const parameter = /([?&])([^=&#\s]+)=([^&#\s]+)/g;
/** A reference to a variable is no secret; `$${` is none. */
const isReference = (text: string): boolean => /(?<!\$)\$\{[^}]*\}/.test(text);

/** The entry without literal secrets. */
export function moveSecrets(entry: ServerObject, nameSecret: NameSecret): ServerObject {
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(loginAsCredentials(entry, nameSecret))) {
    changed[key] = key === "args"
      ? moveArguments(value, nameSecret)
      : key === "command" && typeof value === "string"
      // Some have their arguments in the same text.
      ? moveInWords(value.split(" "), nameSecret).join(" ")
      : isJsonObject(value)
      ? moveNamed(value, nameSecret, key === "env")
      : typeof value === "string"
      ? moveInUrl(value, nameSecret)
      : value;
  }
  return changed;
}

/** The texts of an object whose keys say what they are, and those of the objects in it. */
function moveNamed(
  value: ServerObject,
  nameSecret: NameSecret,
  isVariable: boolean,
): ServerObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => {
      if (isJsonObject(text)) return [name, moveNamed(text, nameSecret, false)];
      if (typeof text !== "string" || text === "" || isReference(text)) return [name, text];
      const [, before = "", secret = text] = scheme.exec(text) ?? [];
      const isAddress = !isVariable && /^https?:\/\//i.test(text);
      if (isAddress || (!looksSecret(name, text) && !tokenForm.test(secret))) {
        return [name, moveInUrl(text, nameSecret)];
      }
      return [name, `${before}\${${nameSecret(toName(name), secret, isVariable)}}`];
    }),
  );
}

function moveArguments(value: unknown, nameSecret: NameSecret): unknown {
  return Array.isArray(value) ? moveInWords(value.map(String), nameSecret) : value;
}

function moveInWords(words: readonly string[], nameSecret: NameSecret): readonly string[] {
  // A scheme in front is no part of the secret, so the shorter one counts.
  const secrets = secretsInArguments(words).sort((left, right) => left.length - right.length);
  return words.map((word, index) => {
    if (isReference(word)) return word;
    const secret = secrets.find((text) => text !== "" && word.endsWith(text));
    if (secret !== undefined) {
      const before = word.slice(0, word.length - secret.length);
      const name = before === "" ? words[index - 1] ?? "" : before.replace(/[=:].*$/s, "");
      return `${before}\${${nameSecret(toName(name), secret, false)}}`;
    }
    if (tokenForm.test(word)) return `\${${nameSecret("TOKEN", word, false)}}`;
    return moveInUrl(word, nameSecret);
  });
}

/** Secrets in a URL: the password, parameters, and a part of the path that only a machine made. */
function moveInUrl(text: string, nameSecret: NameSecret): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || isReference(text)) return text;
  const [, before, password, after] = login.exec(text) ?? [];
  const open = before === undefined || password === undefined || after === undefined
    ? text
    : `${before}\${${nameSecret("PASSWORD", password, false)}}${after}`;
  const asked = open.replace(
    parameter,
    (whole, mark: string, name: string, value: string) =>
      !isReference(value) && (looksSecret(name, value) || tokenForm.test(value) || isRandom(value))
        ? `${mark}${name}=\${${nameSecret(toName(name), value, false)}}`
        : whole,
  );
  const [, host = "", path = "", rest = ""] = /^([^:]+:\/\/[^/?#]*)([^?#]*)(.*)$/s.exec(asked) ??
    [];
  if (!/^https?:/i.test(host)) return asked;
  const parts = path.split("/").map((part) =>
    isRandom(part) || tokenForm.test(part) ? `\${${nameSecret("URL_KEY", part, false)}}` : part
  );
  return `${host}${parts.join("/")}${rest}`;
}

/** A long text of letters and digits mixed, which no person wrote. */
function isRandom(text: string): boolean {
  return text.length >= 20 && /^[\w.~%+=-]+$/.test(text) && (text.match(/\d/g) ?? []).length >= 3 &&
    /[A-Za-z]/.test(text);
}

/** A URL of a server must hold no login: it becomes credentials. */
function loginAsCredentials(entry: ServerObject, nameSecret: NameSecret): ServerObject {
  const key = ["url", "serverUrl", "httpUrl"].find((name) => typeof entry[name] === "string");
  const text = key === undefined ? undefined : entry[key];
  if (key === undefined || typeof text !== "string" || entry["credentials"] !== undefined) {
    return entry;
  }
  const [, start = "", user, password, rest = ""] =
    /^(https?:\/\/)([^/\s:@]*):([^/\s@]+)@(.*)$/is.exec(text) ?? [];
  if (user === undefined || password === undefined) return entry;
  return {
    ...entry,
    [key]: `${start}${rest}`,
    credentials: {
      type: "basic",
      username: decode(user),
      password: isReference(password)
        ? password
        : `\${${nameSecret("PASSWORD", decode(password), false)}}`,
    },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A name in the form of variables. */
function toName(text: string): string {
  const name = text.toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(name) ? name : `SECRET${name === "" ? "" : `_${name}`}`;
}
