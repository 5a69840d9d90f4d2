/** The body of a token request (RFC 6749, section 4): what it asks for, as a form. */
import type { TokenTargetConfig } from "../config/oauth_config.ts";
import type { IssuingServer } from "./issuing_server.ts";

/** The scopes and the resource of a request: configured, or as the server says. */
export function targetOf(
  { scope, resource }: TokenTargetConfig,
  { scopes, resource: own }: IssuingServer,
): { readonly scope: string | undefined; readonly resource: string | undefined } {
  const named = scopes === undefined || scopes.length === 0 ? undefined : scopes.join(" ");
  return { scope: scope ?? named, resource: resource ?? own };
}

/** A form with these values; what is undefined is left out. */
export function toForm(values: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const given = Object.entries(values).filter((pair): pair is [string, string] =>
    pair[1] !== undefined
  );
  return new URLSearchParams(given);
}
