/**
 * The values that credentials may have, so that no value can end a header, begin another one or
 * change its meaning. Texts of the configuration are checked when it is read, texts of files each
 * time they are used, by the same rows. The sentences never show the value.
 */

/** A place where a value is put. */
export type ValuePlace =
  | "token"
  | "header"
  | "cookie"
  | "query"
  | "username"
  | "password"
  /** A form or a JSON body, where every text is only a text. */
  | "body";

interface Row {
  readonly what: string;
  readonly allowed: RegExp;
  readonly expected: string;
}

const oneLine = /^[^\p{Cc}\p{Cs}]*$/u;

const rows: Readonly<Record<ValuePlace, Row>> = {
  token: {
    what: "a token",
    allowed: /^[\x21-\x7e]*$/,
    expected: "a token without spaces, line breaks or characters beyond ASCII",
  },
  header: {
    what: "a value",
    allowed: /^[\t\x20-\x7e\x80-\xff]*$/,
    expected: "a value on one line, without characters beyond Latin-1",
  },
  cookie: {
    what: "a value",
    allowed: /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/,
    expected: "a value for a cookie, without spaces, commas or semicolons",
  },
  query: { what: "a value", allowed: oneLine, expected: "a value on one line" },
  username: {
    what: "a user name",
    allowed: /^[^\p{Cc}\p{Cs}:]*$/u,
    expected: "a user name on one line, without a colon",
  },
  password: { what: "a password", allowed: oneLine, expected: "a password on one line" },
  body: { what: "a value", allowed: /^\P{Cs}*$/u, expected: "a text" },
};

/**
 * What is wrong with a value for this place, as the end of a sentence; undefined if it is valid.
 */
export function valueProblem(place: ValuePlace, value: string): string | undefined {
  const { what, allowed, expected } = rows[place];
  if (value === "") return `expected ${what}, got an empty text`;
  return allowed.test(value) ? undefined : `expected ${expected}`;
}

/** Names of identities that grant no access by themselves: user names and client ids. */
const identifierName = /^(?:user|user[-_]?name|login|e?[-_]?mail|client[-_]?id)$/i;

/** Whether the value at this key of credentials is not a secret. */
export function isIdentifier(key: string): boolean {
  return identifierName.test(key.slice(key.lastIndexOf(".") + 1));
}

/** Headers that HTTP itself and the protocol above it set; another value would break them. */
const reserved =
  /^(?:accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-.*|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;
const httpToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What is wrong with the name of a header that the configuration sets. */
export function headerProblem(name: string): string | undefined {
  if (!httpToken.test(name)) return "not a valid header name";
  return reserved.test(name.toLowerCase()) ? "is set by the gateway itself; remove it" : undefined;
}

/** What is wrong with the name of a cookie. */
export function cookieProblem(name: string): string | undefined {
  return httpToken.test(name) ? undefined : "not a valid cookie name";
}
