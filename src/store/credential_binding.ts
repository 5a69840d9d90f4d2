/** What tells one stored credential from all others, as one text. */
import type { CredentialKey } from "../credentials/provider.ts";

/** The text; two keys have the same one only if all of their members are the same. */
export function bindingOf({ server, kind, binding }: CredentialKey): string {
  return JSON.stringify([server, kind, binding]);
}
