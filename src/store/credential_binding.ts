/**
 * Identifies one stored credential by a text.
 */
import type { CredentialKey } from "../credentials/provider.ts";
import { sharedPrincipal } from "../model.ts";

/**
 * The text; it differs for any two different keys. For a credential that all principals share it
 * names no principal, because older versions sealed credentials with that text.
 */
export function bindingOf({ server, principal, kind, binding }: CredentialKey): string {
  const isShared = principal === sharedPrincipal.id;
  return JSON.stringify([server, kind, binding, ...(isShared ? [] : [principal])]);
}
