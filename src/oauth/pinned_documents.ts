/**
 * Copies of clients' documents, used while the original cannot be read: some vendors refuse the
 * addresses of clouds. A copy is trusted no more than its original.
 */
import type { JsonObject } from "../model.ts";

const claudeCode = "https://claude.ai/oauth/claude-code-client-metadata";

/** Documents by their URLs. */
export const pinnedDocuments: Readonly<Record<string, JsonObject>> = {
  [claudeCode]: {
    client_id: claudeCode,
    client_name: "Claude Code",
    client_uri: "https://claude.ai",
    redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
};
