/**
 * The official suite's scenarios of authorization: in which revision each is run, the keys of the
 * server's entry in mcp.json, from what the suite tells the client (`MCP_CONFORMANCE_CONTEXT`), and
 * what the client does.
 */
import type { ProtectedPart } from "./client_login.ts";
import type { Json } from "./fixture_model.ts";

/** The keys of a server, next to `url`. */
type ServerKeys = Readonly<Record<string, unknown>>;

/** One scenario. */
interface AuthRow extends Partial<ProtectedPart> {
  /** What the server's entry has; absent: nothing. */
  readonly keys?: (context: Json) => ServerKeys;
}

type AuthRows = Readonly<Record<string, AuthRow>>;

const clientCredentials = (context: Json, more: ServerKeys): ServerKeys => ({
  credentials: { type: "oauth2", clientId: context["client_id"], ...more },
});

const documentUrl = "https://conformance-test.local/client-metadata.json";

/** Scored in both revisions. */
const inBoth: AuthRows = {
  "auth/metadata-default": {},
  "auth/metadata-var1": {},
  "auth/metadata-var2": {},
  "auth/metadata-var3": {},
  "auth/basic-cimd": { keys: () => ({ oauth: { clientMetadataUrl: documentUrl } }) },
  "auth/scope-from-www-authenticate": {},
  "auth/scope-from-scopes-supported": {},
  "auth/scope-omitted-when-undefined": {},
  "auth/scope-step-up": { showsPages: true },
  "auth/scope-retry-limit": { ending: "given up" },
  "auth/token-endpoint-auth-basic": {},
  "auth/token-endpoint-auth-post": {},
  "auth/token-endpoint-auth-none": {},
  "auth/pre-registration": {
    keys: (context) => ({
      oauth: { clientId: context["client_id"], clientSecret: context["client_secret"] },
    }),
  },
};

/** Scored in revision 2026-07-28 alone. */
const inLatest: AuthRows = {
  "auth/resource-mismatch": { ending: "refused" },
  "auth/offline-access-scope": {},
  "auth/offline-access-not-supported": {},
  "auth/authorization-server-migration": {},
  "auth/iss-supported": {},
  "auth/iss-not-advertised": {},
  "auth/iss-supported-missing": { ending: "refused" },
  "auth/iss-wrong-issuer": { ending: "refused" },
  "auth/iss-unexpected": { ending: "refused" },
  "auth/iss-normalized": { ending: "refused" },
  "auth/metadata-issuer-mismatch": { ending: "refused" },
};

/** Not scored: servers of the oldest revision, and extensions, which belong to none. */
const inNone: AuthRows = {
  "auth/2025-03-26-oauth-metadata-backcompat": {},
  "auth/2025-03-26-oauth-endpoint-fallback": {},
  "auth/dpop": { keys: () => ({ oauth: { dpop: true } }) },
  "auth/dpop-nonce": { keys: () => ({ oauth: { dpop: true } }) },
  "auth/client-credentials-basic": {
    keys: (context) => clientCredentials(context, { clientSecret: context["client_secret"] }),
  },
  "auth/client-credentials-jwt": {
    keys: (context) =>
      clientCredentials(context, {
        clientAuthentication: "private_key_jwt",
        privateKey: context["private_key_pem"],
        algorithm: context["signing_algorithm"],
      }),
  },
  "auth/enterprise-managed-authorization": {
    keys: (context) => ({
      credentials: {
        type: "enterprise",
        clientId: context["client_id"],
        clientSecret: context["client_secret"],
        identityProvider: { issuer: context["idp_issuer"], clientId: context["idp_client_id"] },
        subjectToken: context["idp_id_token"],
      },
    }),
  },
  "auth/wif-jwt-bearer": {
    keys: (context) => ({
      credentials: {
        type: "workload",
        clientId: context["client_id"],
        assertion: context["valid_jwt"],
      },
    }),
  },
};

const rows: AuthRows = { ...inBoth, ...inLatest, ...inNone };

/** The scenarios by revision; those of none are under "". */
export const authScenarios: Readonly<Record<string, readonly string[]>> = {
  "2025-11-25": Object.keys(inBoth),
  "2026-07-28": Object.keys({ ...inBoth, ...inLatest }),
  "": Object.keys(inNone),
};

/** What the client does in each of them: without a word it gets an answer, and shows no pages. */
export const authParts: ReadonlyMap<string, ProtectedPart> = new Map(
  Object.entries(rows).map(([name, { ending = "answered", showsPages = false }]) => [
    name,
    { ending, showsPages },
  ]),
);

/** The keys of the server's entry; none for scenarios without authorization. */
export function settingsFor(scenario: string, context: Json): ServerKeys {
  return rows[scenario]?.keys?.(context) ?? {};
}
