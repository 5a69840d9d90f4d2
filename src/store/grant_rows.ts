/**
 * What a stored grant and a stored registration look like, and by what text each is known. A text
 * binds what was sealed to its row: moved to another row, it cannot be read.
 */
import * as v from "valibot";
import type { ClientRegistration, Grant, GrantKey } from "../grants/grant.ts";

/** Identifies a grant; it differs for any two different keys. */
export function grantBindingOf({ server, principal, issuer, resource }: GrantKey): string {
  return JSON.stringify([server, principal, issuer, resource]);
}

/** Identifies a registration; it differs for any two different ones. */
export function registrationBindingOf(issuer: string, redirectUri: string): string {
  return JSON.stringify([issuer, redirectUri]);
}

const text = v.string();
const time = v.number();

const authMethod = v.picklist(["none", "client_secret_basic", "client_secret_post"]);

const grantForm = v.object({
  token: text,
  obtainedAt: time,
  expiresAt: v.optional(time),
  refreshToken: v.optional(text),
  scopes: v.array(text),
  clientId: text,
  authMethod: v.optional(authMethod),
  clientSecret: v.optional(text),
  grantedAt: time,
  refreshedAt: v.optional(time),
  failure: v.optional(v.object({ problem: text, at: time, isFinal: v.boolean() })),
  proofKey: v.optional(v.record(text, v.unknown())),
});

const registrationForm = v.object({
  clientId: text,
  clientSecret: v.optional(text),
  authMethod,
  secretExpiresAt: v.optional(time),
});

/** The grant; undefined if it is none, such as one that another version stored. */
export function toGrant(body: unknown): Grant | undefined {
  const read = v.safeParse(grantForm, body);
  return read.success ? read.output : undefined;
}

/** The registration, except for what its row says; undefined if it is none. */
export function toRegistration(
  body: unknown,
): Omit<ClientRegistration, "issuer" | "redirectUri"> | undefined {
  const read = v.safeParse(registrationForm, body);
  return read.success ? read.output : undefined;
}
