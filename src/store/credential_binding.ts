/** What tells one stored credential from all others, as one text. */
import type { CredentialKey } from "../credentials/provider.ts";
import { sharedPrincipal } from "../model.ts";

/**
 * The text; two keys have the same one only if all of their members are the same. A key that all
 * principals share has the text of the time before there were principals: credentials are sealed
 * for it.
 */
export function bindingOf({ server, principal, kind, binding }: CredentialKey): string {
  const isShared = principal === sharedPrincipal.id;
  return JSON.stringify([server, kind, binding, ...(isShared ? [] : [principal])]);
}
