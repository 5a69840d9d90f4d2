/**
 * A protected server by the official SDK, with its own bearer check, and `oidc-provider` as its
 * authorization server. All that it answers names the person whose token came with the request. It
 * serves both eras: `/mcp` without sessions, `/sessions` with the handshake's.
 */
import { createServer } from "node:http";
import {
  type AuthInfo,
  createMcpHandler,
  McpServer,
  OAuthError,
  OAuthErrorCode,
  requireBearerAuth,
  type ServerContext,
  WebStandardStreamableHTTPServerTransport as SessionTransport,
} from "@modelcontextprotocol/server";
import { errors, Provider } from "oidc-provider";
import { serveFetch } from "./serve_fetch.ts";

/** The server and its issuer, at work. */
export interface TwoPersonsServer {
  /** Where the server is; `/mcp` and `/sessions` are two resources. */
  readonly origin: string;
  readonly issuer: string;
  /** The seconds that the next access tokens live. */
  livesSeconds: number;
  /** How many tokens the issuer gave by codes and by refresh tokens, and secrets to clients. */
  readonly given: { codes: number; refreshes: number; clientSecrets: number };
  /** What the issuer refused at its token endpoint. */
  readonly refused: readonly string[];
  /** Sessions that another person's token used. */
  readonly violations: readonly string[];
  /** All texts that only the gateway and the issuer may know. */
  readonly secrets: ReadonlySet<string>;
  /** Whether each of the tokens that were last given still lives that long. */
  areLasting(seconds: number): boolean;
  /** Ends the access tokens of a person; refresh tokens stay. */
  endTokens(person: string): Promise<void>;
  /** Ends a person's grants, as a person does at the issuer's own page. */
  endGrants(person: string): Promise<void>;
  close(): Promise<void>;
}

/** Who goes to the issuer's pages: the header by which a played browser says it. */
export const personHeader = "x-person";

const scope = "mcp offline_access";

/** The one who is shown in all answers. */
function subjectOf({ http }: ServerContext): string {
  const subject = http?.authInfo?.extra?.["subject"];
  return typeof subject === "string" ? subject : "no person";
}

/** The same tools and resources for both eras. */
function createPersonServer(name: string, subject: unknown): McpServer {
  const server = new McpServer({ name: "persons", version: "1" });
  const config = { description: `Serves ${subject}` };
  server.registerTool("whoami", config, (context) => ({
    content: [{ type: "text", text: subjectOf(context) }],
  }));
  server.registerTool("count", config, async (context) => {
    const { progressToken } = context.mcpReq._meta ?? {};
    for (let progress = 1; progress <= 3 && progressToken !== undefined; progress += 1) {
      const params = { progressToken, progress, message: subjectOf(context) };
      await context.mcpReq.notify({ method: "notifications/progress", params });
    }
    return { content: [{ type: "text", text: `counted for ${subjectOf(context)}` }] };
  });
  server.registerResource("me", `person://${name}/me`, config, (uri, context) => ({
    contents: [{ uri: uri.href, text: subjectOf(context) }],
  }));
  return server;
}

/** Starts both on this machine. */
export async function startTwoPersonsServer(): Promise<TwoPersonsServer> {
  const secrets = new Set<string>();
  const violations: string[] = [];
  const refused: string[] = [];
  const given = { codes: 0, refreshes: 0, clientSecrets: 0 };
  const tokens: string[] = [];
  const keep = (...texts: readonly unknown[]) => {
    for (const text of texts) if (typeof text === "string" && text.length > 15) secrets.add(text);
  };
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(listener.address() as { port: number }).port}`;
  const resources = () => [`${self.origin}/mcp`, `${self.origin}/sessions`];
  const provider = openProvider(issuer, resources, () => self.livesSeconds);
  provider.on("grant.success", ({ body, oidc: { params = {} } }) => {
    given[params["grant_type"] === "refresh_token" ? "refreshes" : "codes"] += 1;
    keep(params["code"], params["code_verifier"], params["refresh_token"]);
    keep(body["access_token"], body["refresh_token"]);
    tokens.push(String(body["access_token"]));
  });
  provider.on("registration_create.success", (_, { clientSecret }) => {
    given.clientSecrets += typeof clientSecret === "string" ? 1 : 0;
    keep(clientSecret);
  });
  provider.on("grant.error", ({ oidc }, error) => {
    refused.push(`${String(oidc.params?.["grant_type"])}: ${error.message}`);
  });
  provider.on("server_error", (_, error) => refused.push(String(error.stack)));
  const atIssuer = provider.callback();
  listener.on("request", (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return atIssuer(request, response);
    answerPerson(provider, request, response).catch(() => response.destroy());
  });

  const handle = serveResources(provider, issuer, violations);
  const served = await serveFetch((request) => handle(request));
  const found = async (person: string) => {
    const all = await Promise.all(tokens.map((token) => provider.AccessToken.find(token)));
    return all.filter((token) => token?.accountId === person).filter((token) =>
      token !== undefined
    );
  };
  const lasts = new Map<string, number>();
  provider.on("grant.success", ({ body }) => {
    const life = Date.now() + Number(body["expires_in"]) * 1_000;
    void provider.AccessToken.find(String(body["access_token"])).then((token) => {
      if (token !== undefined) lasts.set(`${token.accountId} ${token.aud}`, life);
    });
  });
  const self: TwoPersonsServer = {
    origin: `http://127.0.0.1:${served.port}`,
    issuer,
    livesSeconds: 600,
    given,
    refused,
    violations,
    secrets,
    areLasting: (seconds) =>
      [...lasts.values()].every((until) => until - Date.now() > seconds * 1_000),
    async endTokens(person) {
      for (const token of await found(person)) await token.destroy();
    },
    async endGrants(person) {
      for (const { grantId } of await found(person)) {
        await provider.RefreshToken.revokeByGrantId(grantId);
        await provider.AccessToken.revokeByGrantId(grantId);
      }
    },
    async close() {
      await served.close();
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return self;
}

function openProvider(
  issuer: string,
  resources: () => readonly string[],
  livesSeconds: () => number,
): Provider {
  return new Provider(issuer, {
    cookies: { keys: ["a key of the test"] },
    scopes: ["mcp", "offline_access"],
    // Clients that register get a secret.
    clientAuthMethods: ["client_secret_basic"],
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id }),
    }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: livesSeconds,
      AuthorizationCode: 60,
      Grant: 86_400,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_context: unknown, audience: string) {
          if (!resources().includes(audience)) throw new errors.InvalidTarget();
          const accessTokenTTL = livesSeconds();
          return { scope, audience, accessTokenTTL, accessTokenFormat: "opaque" };
        },
      },
    },
  });
}

/** The person of the browser logs in, and agrees. */
async function answerPerson(
  provider: Provider,
  ...exchange: Parameters<Provider["interactionDetails"]>
): Promise<void> {
  const accountId = String(exchange[0].headers[personHeader]);
  const { prompt, params: { client_id: clientId, resource } } = await provider
    .interactionDetails(...exchange);
  if (prompt.name === "login") {
    return await provider.interactionFinished(...exchange, { login: { accountId } });
  }
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  if (resource !== undefined) grant.addResourceScope(resource, scope);
  await provider.interactionFinished(...exchange, { consent: { grantId: await grant.save() } });
}

/** The server itself, behind the SDK's bearer check. */
function serveResources(
  provider: Provider,
  issuer: string,
  violations: string[],
): (request: Request) => Promise<Response> {
  const modern = createMcpHandler(
    ({ authInfo }) => createPersonServer("calls", authInfo?.extra?.["subject"]),
    { legacy: "reject" },
  );
  const sessions = new Map<string, { owner: unknown; transport: SessionTransport }>();
  const handshake = async (request: Request, authInfo: AuthInfo): Promise<Response> => {
    const owner = authInfo.extra?.["subject"];
    const id = request.headers.get("mcp-session-id");
    const known = id === null ? undefined : sessions.get(id);
    if (id !== null && known === undefined) return new Response(null, { status: 404 });
    if (known !== undefined) {
      if (known.owner !== owner) violations.push(`${owner} in the session of ${known.owner}`);
      return await known.transport.handleRequest(request, { authInfo });
    }
    const transport: SessionTransport = new SessionTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (made) => void sessions.set(made, { owner, transport }),
      onsessionclosed: (ended) => void sessions.delete(ended),
    });
    await createPersonServer("sessions", owner).connect(transport);
    return await transport.handleRequest(request, { authInfo });
  };
  const verify = async (token: string): Promise<AuthInfo> => {
    const found = await provider.AccessToken.find(token);
    if (found === undefined) throw new OAuthError(OAuthErrorCode.InvalidToken, "Unknown token");
    const { accountId: subject, clientId, exp, aud } = found;
    const resource = new URL(String(aud));
    return { token, clientId, scopes: ["mcp"], expiresAt: exp, resource, extra: { subject } };
  };
  return async (request) => {
    const { pathname, origin } = new URL(request.url);
    const place = "/.well-known/oauth-protected-resource";
    if (pathname.startsWith(`${place}/`)) {
      const resource = `${origin}${pathname.slice(place.length)}`;
      return Response.json({ resource, authorization_servers: [issuer] });
    }
    if (pathname !== "/mcp" && pathname !== "/sessions") return new Response(null, { status: 404 });
    const gate = requireBearerAuth({
      verifier: { verifyAccessToken: verify },
      requiredScopes: ["mcp"],
      resourceMetadataUrl: `${origin}${place}${pathname}`,
      expectedResource: new URL(`${origin}${pathname}`),
    });
    const auth = await gate(request);
    if (auth instanceof Response) return auth;
    return pathname === "/mcp"
      ? await modern.fetch(request, { authInfo: auth })
      : await handshake(request, auth);
  };
}
