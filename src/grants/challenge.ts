/**
 * The header `WWW-Authenticate` of a refused request (RFC 9110, section 11.6.1): what a server that
 * takes bearer tokens says about getting one (RFC 6750, section 3; RFC 9728, section 5.1). The
 * header is a stranger's text: what cannot be read is left out.
 */
import type { Limits } from "../limits.ts";
import { readScopes } from "./granted_scopes.ts";

/** What a server asks for. */
export interface TokenChallenge {
  /** Where the server's metadata is; unchecked. Undefined: at its usual place. */
  readonly resourceMetadata: string | undefined;
  /** The scopes that the request needs; undefined: the challenge names none. */
  readonly scopes: readonly string[] | undefined;
  /** The error word, such as `insufficient_scope`; undefined if there is none. */
  readonly error: string | undefined;
}

/** Schemes of the tokens that OAuth gives (RFC 6750; RFC 9449, section 7.1). */
const schemes: ReadonlySet<string> = new Set(["bearer", "dpop"]);

/** One challenge of a header. */
interface HeaderChallenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/** Reads the header; undefined: it asks for no token of OAuth. */
export function readChallenge(
  header: string | undefined,
  limits: Pick<Limits, "challengeCharsMax" | "grantScopesMax" | "grantScopeCharsMax">,
): TokenChallenge | undefined {
  if (header === undefined || header.length > limits.challengeCharsMax) return undefined;
  const asked = splitHeader(header).filter(({ scheme }) => schemes.has(scheme));
  const chosen = asked.find(({ params }) => params.has("resource_metadata")) ?? asked[0];
  if (chosen === undefined) return undefined;
  // A server that takes two schemes may say all of it only once.
  const all = [chosen, ...asked].map(({ params }) => params);
  const valueOf = (name: string) => all.find((params) => params.has(name))?.get(name);
  const scope = valueOf("scope");
  return {
    resourceMetadata: valueOf("resource_metadata"),
    scopes: scope === undefined ? undefined : readScopes(scope, limits),
    error: valueOf("error"),
  };
}

const word = "[!#$%&'*+\\-.^_`|~\\w]+";
const gap = /[\s,]*/y;
const param = new RegExp(`(${word})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${word}))`, "y");
const scheme = new RegExp(`(${word})(?:\\s+|(?=,)|$)`, "y");
/** The credentials of schemes such as `Negotiate`: one text instead of parameters. */
const token68 = /[\w\-.~+/]+=*(?=\s*(?:,|$))/y;

/** All challenges of a header, as far as it is well-formed. */
function splitHeader(header: string): readonly HeaderChallenge[] {
  const found: { readonly scheme: string; readonly params: Map<string, string> }[] = [];
  let at = 0;
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    read(gap);
    if (at >= header.length) return found;
    const given = read(param);
    if (given !== null) {
      const [, name = "", quoted, plain = ""] = given;
      const params = found.at(-1)?.params;
      const key = name.toLowerCase();
      // A name that comes twice counts as it came first.
      if (params?.has(key) === false) {
        params.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain);
      }
      continue;
    }
    const next = read(scheme);
    if (next === null) return found;
    found.push({ scheme: (next[1] ?? "").toLowerCase(), params: new Map() });
    if (!startsParam(header, at)) read(token68);
  }
}

function startsParam(header: string, at: number): boolean {
  param.lastIndex = at;
  return param.test(header);
}
