/**
 * The gateway as a client of authorization servers: its client metadata document (OAuth Client ID
 * Metadata Document, section 4), whose URL is the client id.
 */
import type { JsonObject } from "../model.ts";
import { identity } from "../version.ts";

/**
 * The document at `url`. The gateway is a public client: a document that everybody can read has no
 * place for a secret.
 */
export function clientMetadataDocument(url: string, redirectUri: string): JsonObject {
  return {
    client_id: url,
    client_name: identity.name,
    client_uri: new URL(url).origin,
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
}
