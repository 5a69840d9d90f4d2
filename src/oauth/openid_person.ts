/** From the claims of an OpenID provider to a person, if this person may log in. */
import type { Limits } from "../limits.ts";
import type { AllowedPeople, OpenIdSettings } from "./login_settings.ts";
import { toVouchedName } from "./vouched_name.ts";
import type { Person } from "./waiting_authorizations.ts";

/** The claims of a validated ID token. */
export type IdClaims = Readonly<Record<string, unknown>>;

/** A person, or why this one may not log in; the reason is for the log. */
export type FoundPerson =
  | { readonly person: Person }
  | { readonly refused: string };

/** The person of these claims. */
export function toPerson(
  claims: IdClaims,
  { issuer, claims: names, allow }: OpenIdSettings,
  limits: Pick<Limits, "userNameCharsMax" | "memberNamesMax">,
): FoundPerson {
  const name = toVouchedName(issuer, claims[names.id], limits);
  if (name === undefined) return { refused: `the claim "${names.id}" names no one` };
  const id = String(claims[names.id]);
  const email = claims["email_verified"] === true && typeof claims["email"] === "string"
    ? claims["email"].toLowerCase()
    : undefined;
  // An address that anybody can claim is no identity.
  if (names.id === "email" && email === undefined) {
    return { refused: "the address is not verified" };
  }
  const roles = namesIn(claims, names.roles).slice(0, limits.memberNamesMax);
  const groups = namesIn(claims, names.groups).slice(0, limits.memberNamesMax);
  if (allow !== "*" && !isAllowed(allow, { id, email, groups })) {
    return { refused: "auth.oauth.login.openid.allow does not name this person" };
  }
  return { person: { name, roles, groups } };
}

function isAllowed(
  { ids, emails, domains, groups }: AllowedPeople,
  person: {
    readonly id: string;
    readonly email: string | undefined;
    readonly groups: readonly string[];
  },
): boolean {
  const { email } = person;
  const domain = email?.slice(email.lastIndexOf("@") + 1);
  return ids.includes(person.id) ||
    groups.some((group) => person.groups.includes(group)) ||
    (email !== undefined && emails.some((one) => one.toLowerCase() === email)) ||
    (domain !== undefined && domains.some((one) => one.toLowerCase() === domain));
}

/** The names in a claim: a list, or one name. */
function namesIn(claims: IdClaims, claim: string | undefined): string[] {
  const value = claim === undefined ? undefined : claims[claim];
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((name): name is string => typeof name === "string" && name !== "");
}
