/**
 * The principal that the claims of a verified token name. Claims are the issuer's words: each is
 * checked for its form, and one of another form counts as absent, except for the id, without which
 * there is no principal.
 */
import { msPerSecond } from "../limits.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject, Principal } from "../model.ts";
import { serversOf } from "../oauth/scopes.ts";
import type { JwtIssuer } from "./jwt_settings.ts";

/** What a token grants. */
export interface JwtGrant {
  readonly principal: Principal;
  /** The resources that it is for. */
  readonly audiences: readonly string[];
  /** When the gateway stops taking it, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether it lacks a scope that every token needs. */
  readonly lacksScope: boolean;
}

/** What the claims grant; a text if they name no principal. `exp` was checked. */
export function readJwtGrant(
  claims: JsonObject,
  exp: number,
  issuer: JwtIssuer,
): JwtGrant | string {
  const { claims: names, clockSkewSeconds, requiredScope } = issuer;
  const id = claimOf(claims, names.id);
  if (typeof id !== "string" || id === "" || /\p{Cc}|\p{Cs}/u.test(id)) {
    return `it has no text in the claim ${names.id.join(" or ")}`;
  }
  const client = claimOf(claims, names.client);
  const scopes = listOf(claimOf(claims, names.scope)) ?? [];
  const expiresAt = (exp + clockSkewSeconds) * msPerSecond;
  return {
    principal: {
      id: `jwt:${issuer.issuer}#${id}`,
      kind: "jwt",
      client: typeof client === "string" ? client : undefined,
      roles: listOf(claimOf(claims, names.roles)),
      groups: listOf(claimOf(claims, names.groups)),
      servers: toServers(scopes),
      expiresAt,
    },
    audiences: toAudiences(claims["aud"]),
    expiresAt,
    lacksScope: !requiredScope.every((scope) => scopes.includes(scope)),
  };
}

/** RFC 7519, 4.1.3: one text or a list of texts. */
function toAudiences(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : [];
}

/** The servers that scopes limit a token to; undefined if they name none. */
function toServers(scopes: readonly string[]): readonly string[] | undefined {
  const servers = serversOf(scopes);
  return servers?.length === 0 ? undefined : servers;
}

/** The first of some claims that a token has. */
function claimOf(claims: JsonObject, names: readonly string[]): unknown {
  for (const name of names) {
    const value = memberAt(claims, name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** A member by its whole name, or else by a path with dots, as in `realm_access.roles`. */
function memberAt(claims: JsonObject, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split(".").reduce<unknown>(
    (place, key) => isJsonObject(place) && Object.hasOwn(place, key) ? place[key] : undefined,
    claims,
  );
}

/** The texts of a list, or of one text with blanks or commas between them. */
function listOf(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) return value.filter((one) => typeof one === "string" && one !== "");
  return typeof value === "string" ? value.split(/[\s,]+/).filter((one) => one !== "") : undefined;
}
