/** Requests to the token and revocation endpoints, right and wrong, that two servers get alike. */
import { loopback, verifier } from "./oauth_gateway.ts";
import {
  machineClient,
  machineSecret,
  otherClient,
  publicClient,
  type TokenServer,
} from "./oauth_oracle.ts";

type Form = Readonly<Record<string, string>>;

/** One request that both get. */
export interface TokenRequest {
  readonly name: string;
  readonly form: (server: TokenServer) => Promise<Form | string> | Form | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: "revocation";
  /** What the gateway answers otherwise than the other server, and why. */
  readonly own?: { readonly status: number; readonly error: string };
  readonly why?: string;
}

const codeless: Form = {
  grant_type: "authorization_code",
  client_id: publicClient,
  redirect_uri: loopback,
  code_verifier: verifier,
};
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${btoa(`${id}:${secret}`)}`,
});
const client = { client_id: publicClient };
const machine = { grant_type: "client_credentials" };
const machineHeader = basic(machineClient, machineSecret);

/** A right request for a code's tokens, with changes; undefined takes a member away. */
const codeForm = async (
  server: TokenServer,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<Form> =>
  without({
    grant_type: "authorization_code",
    ...client,
    code: changes["code"] ?? await server.code(publicClient),
    redirect_uri: loopback,
    code_verifier: verifier,
    ...changes,
  });

const refreshForm = async (
  server: TokenServer,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<Form> =>
  without({
    grant_type: "refresh_token",
    ...client,
    refresh_token: await server.refreshToken(publicClient),
    ...changes,
  });

const without = (form: Readonly<Record<string, string | undefined>>): Form =>
  Object.fromEntries(
    Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );

/** The requests. */
export const tokenRequests: readonly TokenRequest[] = [
  { name: "a right code", form: (server) => codeForm(server) },
  { name: "a right refresh token", form: (server) => refreshForm(server) },
  { name: "a right secret", form: () => machine, headers: machineHeader },
  {
    name: "an empty body",
    own: { status: 401, error: "invalid_client" },
    why: "RFC 6749, 5.2: no client authentication included",
    form: () => "",
  },
  { name: "no grant type", form: () => client },
  { name: "an unknown grant type", form: () => ({ ...client, grant_type: "urn:example:other" }) },
  { name: "the password grant", form: () => ({ ...client, grant_type: "password" }) },
  {
    name: "a grant that the client may not use",
    own: { status: 400, error: "unauthorized_client" },
    why: "RFC 6749, 5.2: not authorized to use this grant type",
    form: () => ({ ...machine, ...client }),
  },
  {
    name: "a code for a client without log-ins",
    own: { status: 400, error: "invalid_grant" },
    why: "RFC 6749, 5.2: the code was issued to another client",
    form: async (server) => without({ ...await codeForm(server), client_id: undefined }),
    headers: machineHeader,
  },
  {
    name: "no client",
    own: { status: 401, error: "invalid_client" },
    why: "RFC 6749, 5.2: no client authentication included",
    form: () => machine,
  },
  { name: "an unknown client", form: () => ({ ...machine, client_id: "unknown" }) },
  { name: "a wrong secret", form: () => machine, headers: basic(machineClient, "wrong") },
  {
    name: "an empty secret",
    own: { status: 401, error: "invalid_client" },
    why: "RFC 6749, 5.2: 401 for what the Authorization header says",
    form: () => machine,
    headers: basic(machineClient, ""),
  },
  { name: "no secret", form: () => ({ ...machine, client_id: machineClient }) },
  {
    name: "a secret in the wrong place",
    form: () => ({ ...machine, client_id: machineClient, client_secret: machineSecret }),
  },
  {
    name: "a secret twice",
    form: () => ({ ...machine, client_id: machineClient, client_secret: machineSecret }),
    headers: machineHeader,
  },
  {
    name: "two clients",
    form: () => ({ ...machine, client_id: publicClient }),
    headers: machineHeader,
  },
  {
    name: "an Authorization header that is no base64",
    own: { status: 401, error: "invalid_client" },
    why: "RFC 6749, 5.2: 401 for what the Authorization header says",
    form: () => machine,
    headers: { authorization: "Basic %%%" },
  },
  {
    name: "an Authorization header of another scheme",
    own: { status: 401, error: "invalid_client" },
    why: "RFC 6749, 5.2: unsupported authentication method",
    form: () => machine,
    headers: { authorization: "Digest abc" },
  },
  {
    name: "a secret of a public client",
    form: (server) => codeForm(server, { client_secret: "x" }),
  },
  {
    name: "an assertion of another type",
    form: () => ({ ...machine, client_assertion: "a.b.c", client_assertion_type: "other" }),
  },
  { name: "no code", form: () => codeless },
  { name: "an unknown code", form: (server) => codeForm(server, { code: "unknown" }) },
  {
    name: "the code of another client",
    form: async (server) => await codeForm(server, { code: await server.code(otherClient) }),
  },
  {
    name: "another redirect URI",
    form: (server) => codeForm(server, { redirect_uri: "http://127.0.0.1:33418/other" }),
  },
  {
    name: "no redirect URI",
    form: (server) => codeForm(server, { redirect_uri: undefined }),
  },
  { name: "another proof", form: (server) => codeForm(server, { code_verifier: "w".repeat(43) }) },
  {
    name: "no proof",
    own: { status: 400, error: "invalid_request" },
    why: "RFC 7636, 4.5: a required parameter is missing",
    form: (server) => codeForm(server, { code_verifier: undefined }),
  },
  {
    name: "a proof that is too short",
    own: { status: 400, error: "invalid_grant" },
    why: "RFC 7636, 4.6: it cannot match",
    form: (server) => codeForm(server, { code_verifier: "v" }),
  },
  {
    name: "a code of an unknown resource",
    form: (server) => codeForm(server, { resource: "https://other.example/mcp" }),
  },
  {
    name: "a code with its resource",
    form: (server) => codeForm(server, { resource: server.resource }),
  },
  { name: "a resource that is no URL", form: (server) => codeForm(server, { resource: "none" }) },
  {
    name: "a parameter twice",
    form: async (server) => `${new URLSearchParams(await codeForm(server))}&client_id=public`,
  },
  {
    name: "a code that was used",
    form: async (server) => {
      const form = await codeForm(server);
      await post(server, { name: "", form: () => form });
      return form;
    },
  },
  {
    name: "the refresh token of a code that was used twice",
    form: async (server) => {
      const form = await codeForm(server);
      const { body } = await post(server, { name: "", form: () => form });
      await post(server, { name: "", form: () => form });
      return await refreshForm(server, { refresh_token: String(body["refresh_token"]) });
    },
  },
  { name: "no refresh token", form: (server) => refreshForm(server, { refresh_token: undefined }) },
  {
    name: "an unknown refresh token",
    form: (server) => refreshForm(server, { refresh_token: "x" }),
  },
  {
    name: "the refresh token of another client",
    form: async (server) =>
      await refreshForm(server, { refresh_token: await server.refreshToken(otherClient) }),
  },
  {
    name: "a code as a refresh token",
    form: async (server) =>
      await refreshForm(server, { refresh_token: await server.code(publicClient) }),
  },
  {
    name: "more scope than was granted",
    form: (server) => refreshForm(server, { scope: "mcp everything" }),
  },
  { name: "less scope than was granted", form: (server) => refreshForm(server, { scope: "mcp" }) },
  {
    name: "a refresh token for another resource",
    form: (server) => refreshForm(server, { resource: "https://other.example/mcp" }),
  },
  {
    name: "JSON",
    form: () => JSON.stringify(machine),
    headers: { "content-type": "application/json" },
  },
  {
    name: "revocation of an unknown token",
    form: () => ({ ...client, token: "x" }),
    at: "revocation",
  },
  { name: "revocation of nothing", form: () => client, at: "revocation" },
  {
    name: "revocation by an unknown client",
    form: () => ({ client_id: "unknown", token: "x" }),
    at: "revocation",
  },
  {
    name: "revocation with a wrong secret",
    form: () => ({ token: "x" }),
    headers: basic(machineClient, "wrong"),
    at: "revocation",
  },
  {
    name: "a refresh token that was revoked",
    form: async (server) => {
      const form = await refreshForm(server);
      const token = form["refresh_token"] ?? "";
      await post(server, { name: "", form: () => ({ ...client, token }), at: "revocation" });
      return form;
    },
  },
];

/** Sends one; status and body of the answer. */
export async function post(server: TokenServer, { form, headers = {}, at }: TokenRequest) {
  const made = await form(server);
  const response = await server.fetch(at === undefined ? server.token : server.revocation, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof made === "string" ? made : new URLSearchParams(made).toString(),
  });
  const text = await response.text();
  const body = text === "" ? {} : JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, body };
}
