/**
 * Verifies the tokens of one gateway's issuers (case H8; RFC 7519, RFC 8725, RFC 9068): header, then
 * signature, then claims. Not here: whether a token is for the surface of a request (jwt.ts).
 */
import { decodeJwt, decodeProtectedHeader, jwtVerify, type ProtectedHeaderParameters } from "jose";
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import type { IssuerKeys } from "./issuer_keys.ts";
import { type JwtGrant, readJwtGrant } from "./jwt_claims.ts";
import { type JwtIssuer, toType } from "./jwt_settings.ts";

/** An issuer with its keys. */
export interface TrustedIssuer extends JwtIssuer {
  readonly keys: IssuerKeys;
}

/** A token that grants nothing, and why: for the log, without anything that the token says. */
export interface RefusedToken {
  readonly refusal: string;
}

/** A token that grants something, and its issuer. */
export interface VerifiedJwt extends JwtGrant {
  readonly issuer: TrustedIssuer;
}

/**
 * Members of a header that name a key or a place of keys, or that change how a token is read. The
 * gateway never follows them, so a token that has one expects something else (RFC 7515, 4.1).
 */
const refusedMembers = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"];

/** Verifies one token. Rejects with `issuer_unavailable` only. */
export async function verifyJwt(
  token: string,
  issuers: ReadonlyMap<string, TrustedIssuer>,
  clock: Pick<Clock, "wall">,
): Promise<VerifiedJwt | RefusedToken> {
  try {
    const header = decodeProtectedHeader(token);
    const claimed = decodeJwt(token).iss;
    const issuer = typeof claimed === "string" ? issuers.get(claimed) : undefined;
    if (issuer === undefined) return { refusal: "its issuer is not in the configuration" };
    const refusal = headerProblem(header, issuer);
    if (refusal !== undefined) return { refusal };
    const { payload } = await jwtVerify(token, issuer.keys.find, {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      requiredClaims: ["aud", "exp"],
      clockTolerance: issuer.clockSkewSeconds,
      currentDate: new Date(clock.wall()),
    });
    return toVerified(payload as JsonObject, payload.exp ?? 0, issuer, clock);
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    // What else is thrown, the platform's own faults with a key included, lets no token in.
    return { refusal: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function headerProblem(header: ProtectedHeaderParameters, issuer: JwtIssuer): string | undefined {
  const { alg, typ, kid } = header;
  if (!issuer.algorithms.some((one) => one === alg)) return "its algorithm is not allowed";
  const member = refusedMembers.find((name) => Object.hasOwn(header, name));
  if (member !== undefined) return `its header has "${member}"`;
  if (kid !== undefined && typeof kid !== "string") return "its key id is no text";
  // RFC 7519, 5.1: a token without a type is a JWT like any other.
  const type = typ === undefined ? "jwt" : typeof typ === "string" ? toType(typ) : "";
  return issuer.types.includes(type) ? undefined : "its type is not allowed";
}

/** What the claims of a token with a valid signature and issuer grant. */
function toVerified(
  claims: JsonObject,
  exp: number,
  issuer: TrustedIssuer,
  clock: Pick<Clock, "wall">,
): VerifiedJwt | RefusedToken {
  const { iat, cnf } = claims;
  const latest = clock.wall() / msPerSecond + issuer.clockSkewSeconds;
  if (typeof iat === "number" && iat > latest) return { refusal: "it was issued in the future" };
  // RFC 7800: only who proves to have another key may use it, which a bearer does not.
  if (cnf !== undefined) return { refusal: "it is bound to a key that its sender has to prove" };
  const grant = readJwtGrant(claims, exp, issuer);
  return typeof grant === "string" ? { refusal: grant } : { ...grant, issuer };
}
