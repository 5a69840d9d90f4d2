/**
 * How the gateway is configured for the official suite's scenarios of authorization: the keys of the
 * server's entry in mcp.json, from what the suite tells the client (`MCP_CONFORMANCE_CONTEXT`).
 */
import type { Json } from "./fixture_model.ts";

/** The keys of a server, next to `url`. */
type ServerKeys = Readonly<Record<string, unknown>>;

const clientCredentials = (context: Json, more: ServerKeys): ServerKeys => ({
  credentials: { type: "oauth2", clientId: context["client_id"], ...more },
});

const rows: Readonly<Record<string, (context: Json) => ServerKeys>> = {
  "auth/client-credentials-basic": (context) =>
    clientCredentials(context, { clientSecret: context["client_secret"] }),
  "auth/client-credentials-jwt": (context) =>
    clientCredentials(context, {
      clientAuthentication: "private_key_jwt",
      privateKey: context["private_key_pem"],
      algorithm: context["signing_algorithm"],
    }),
  "auth/enterprise-managed-authorization": (context) => ({
    credentials: {
      type: "enterprise",
      clientId: context["client_id"],
      clientSecret: context["client_secret"],
      identityProvider: { issuer: context["idp_issuer"], clientId: context["idp_client_id"] },
      subjectToken: context["idp_id_token"],
    },
  }),
  "auth/wif-jwt-bearer": (context) => ({
    credentials: {
      type: "workload",
      clientId: context["client_id"],
      assertion: context["valid_jwt"],
    },
  }),
};

/** The scenarios that have settings. */
export const settledScenarios: readonly string[] = Object.keys(rows);

/** The keys of the server's entry; none for scenarios without authorization. */
export function settingsFor(scenario: string, context: Json): ServerKeys {
  return rows[scenario]?.(context) ?? {};
}
