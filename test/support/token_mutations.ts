/**
 * What is done to a valid bearer token of any kind so that a gateway must refuse it, as rows (case
 * H8). Each row gives what a client sends; all that reach the check of a token must get the same
 * refusal. The rows for JWTs are in jwt_mutations.ts.
 */

/** What a client sends in place of a valid token. */
export interface SentToken {
  readonly headers?: Readonly<Record<string, string>>;
  /** After the path. */
  readonly query?: string;
}

/** What is done to a valid token of any kind. */
export interface TokenMutation {
  readonly name: string;
  readonly mutate: (token: string) => SentToken;
  /**
   * What the challenge says: `invalid_token`, `invalid_request` for a token in a URL, or nothing
   * where there is no token.
   */
  readonly error?: "invalid_token" | "invalid_request" | undefined;
}

const bearer = (token: string): SentToken => ({ headers: { authorization: `Bearer ${token}` } });

/** A text with another character at a place from the end, in the same alphabet. */
function changed(token: string, fromEnd: number): string {
  const at = token.length - fromEnd;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

const invalid = (name: string, change: (token: string) => string): TokenMutation => ({
  name,
  mutate: (token) => bearer(change(token)),
  error: "invalid_token",
});
const unseen = (name: string, mutate: TokenMutation["mutate"]): TokenMutation => ({ name, mutate });

/** The rows that fit every kind of token. */
export const bearerMutations: readonly TokenMutation[] = [
  invalid("one character changed near the end", (token) => changed(token, 8)),
  invalid("one character changed in the middle", (token) => changed(token, token.length >> 1)),
  invalid("without its last characters", (token) => token.slice(0, -4)),
  invalid("without its first character", (token) => token.slice(1)),
  invalid("with a character before it", (token) => `A${token}`),
  invalid("with characters after it", (token) => `${token}AAAA`),
  invalid("twice in a row", (token) => token + token),
  invalid("backwards", (token) => [...token].reverse().join("")),
  invalid("in lower case", (token) => token.toLowerCase()),
  invalid("in quotes", (token) => `"${token}"`),
  invalid("with an escape of URLs", (token) => `${token.slice(0, -1)}%${token.slice(-1)}`),
  invalid("another word", () => "undefined"),
  unseen("absent", () => ({})),
  unseen("empty", () => ({ headers: { authorization: "Bearer" } })),
  unseen("without its scheme", (token) => ({ headers: { authorization: token } })),
  unseen("under another scheme", (token) => ({ headers: { authorization: `Basic ${token}` } })),
  unseen("with two schemes", (token) => bearer(`Bearer ${token}`)),
  unseen("twice in the header", (token) => bearer(`${token}, Bearer ${token}`)),
  unseen("in another header", (token) => ({ headers: { "x-authorization": `Bearer ${token}` } })),
  unseen("in a cookie", (token) => ({ headers: { cookie: `access_token=${token}` } })),
  {
    name: "in the URL",
    mutate: (token) => ({ query: `access_token=${token}` }),
    error: "invalid_request",
  },
  {
    name: "in the URL and in the header",
    mutate: (token) => ({ ...bearer(token), query: `access_token=${token}` }),
    error: "invalid_request",
  },
];
