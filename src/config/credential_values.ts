/**
 * What the parts of credentials may hold, so that no value can end a header, begin another one or
 * say something else than it says. Texts of the configuration are checked when it is read, those out
 * of files whenever they are used: by the same rows. The sentences never show the value.
 */

/** A place where a value is put. */
export type ValuePlace =
  | "token"
  | "header"
  | "cookie"
  | "query"
  | "username"
  | "password"
  /** Of a form or a JSON body, where every text is only a text. */
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
    expected: "a token without spaces, line breaks and characters beyond ASCII",
  },
  header: {
    what: "a value",
    allowed: /^[\t\x20-\x7e\x80-\xff]*$/,
    expected: "a value on one line, without characters beyond Latin-1",
  },
  cookie: {
    what: "a value",
    allowed: /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/,
    expected: "a value that can stand in a cookie, without spaces, commas and semicolons",
  },
  query: { what: "a value", allowed: oneLine, expected: "a value on one line" },
  username: {
    what: "a user's name",
    allowed: /^[^\p{Cc}\p{Cs}:]*$/u,
    expected: "a user's name on one line, without a colon",
  },
  password: { what: "a password", allowed: oneLine, expected: "a password on one line" },
  body: { what: "a value", allowed: /^\P{Cs}*$/u, expected: "a text" },
};

/** What is wrong with a value for this place: a sentence's end; undefined when nothing is. */
export function valueProblem(place: ValuePlace, value: string): string | undefined {
  const { what, allowed, expected } = rows[place];
  if (value === "") return `expected ${what}, got an empty text`;
  return allowed.test(value) ? undefined : `expected ${expected}`;
}

/** Names of what says who calls and grants no access by itself: user names and ids of clients. */
const identifierName = /^(?:user|user[-_]?name|login|e?[-_]?mail|client[-_]?id)$/i;

/** Whether the value at this key of credentials is no secret, though it stands among them. */
export function isIdentifier(key: string): boolean {
  return identifierName.test(key.slice(key.lastIndexOf(".") + 1));
}

/** What HTTP itself and the protocol above it write; another value would break them. */
const reserved =
  /^(?:accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-.*|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;
const httpToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What is wrong with the name of a header that somebody else than the gateway writes. */
export function headerProblem(name: string): string | undefined {
  if (!httpToken.test(name)) return "no name of a header";
  return reserved.test(name.toLowerCase())
    ? "is written by the gateway itself; remove it"
    : undefined;
}

/** What is wrong with the name of a cookie. */
export function cookieProblem(name: string): string | undefined {
  return httpToken.test(name) ? undefined : "no name of a cookie";
}
