/**
 * The pages of log-ins at protected servers in tests: links, people, servers, and an OAuth client by
 * hand that notes what it was asked for.
 */
import type { GatewayConfig } from "../../src/config/config.ts";
import { GatewayError } from "../../src/errors.ts";
import { createLoginLinks, type LoginLinks } from "../../src/grants/login_links.ts";
import type {
  FinishedLogin,
  LoginRequest,
  ProtectedServer,
  ServerGrants,
} from "../../src/grants/server_grants.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { createPeople } from "../../src/oauth/people.ts";
import { sha256 } from "../../src/runtime/digest.ts";
import { createSealer, makeKey } from "../../src/seal.ts";
import { createMemoryLogins } from "../../src/store/memory_logins.ts";
import { createMemoryUsers } from "../../src/store/memory_users.ts";
import { createTestClock } from "./clock.ts";
import { createFakeGateway } from "./fake_gateway.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createHarness, type Harness } from "./http_harness.ts";
import { createTestLog } from "./log.ts";
import { openBrowser, type SendRequest, type ShownPage, type TestBrowser } from "./oauth_person.ts";

/** What a test decides. */
export interface ConnectOptions {
  /** The kinds of authenticators; absent: clients do not authenticate. */
  readonly kinds?: readonly string[];
  /** Absent: `files`, with a grant for each, or one that is shared if clients do not authenticate. */
  readonly servers?: readonly ProtectedServer[];
  readonly config?: Partial<GatewayConfig>;
  readonly limits?: Partial<Limits>;
  /** What the server granted. */
  readonly granted?: Partial<FinishedLogin>;
  /** In the place of the log-in's own beginning. */
  readonly begin?: ServerGrants["begin"];
}

/** The pages and what is behind them. */
export interface ConnectHarness extends Harness {
  readonly links: LoginLinks;
  /** The log-ins that were begun; the state of each is its place, beginning with 1. */
  readonly begun: readonly LoginRequest[];
  readonly finished: readonly FinishedLogin[];
  readonly sendRequest: SendRequest;
  browser(): TestBrowser;
  /** The URL of the page of a server. */
  pageOf(server: string, link?: string): string;
}

/** The passwords of `ann` and `bob`. */
export const passwords = { ann: "correct horse battery", bob: "another long password" } as const;

/** Where the gateway is. */
export const base = "http://localhost:8999";

/** A protected server. */
export function protectedServer(
  name: string,
  oauth: Partial<ProtectedServer["oauth"]> = {},
): ProtectedServer {
  return {
    name,
    url: `https://${sha256(name).slice(0, 8)}.example/mcp?key=hidden`,
    oauth: { grant: "each", connectTool: true, ...oauth },
  };
}

/** The issuer's page with this state. */
export function issuerPage(state: number): string {
  return `https://issuer.example/authorize?state=${state}`;
}

/** Makes them. */
export async function createConnectHarness(options: ConnectOptions = {}): Promise<ConnectHarness> {
  const { kinds = [], config = {} } = options;
  const clock = createTestClock();
  // Hashes of full strength would only take time here.
  const limits: Limits = { ...defaultLimits, passwordMemoryKib: 64, ...options.limits };
  const grant = kinds.length === 0 ? "shared" : "each";
  const servers = options.servers ?? [protectedServer("files", { grant })];
  const records = createMemoryLogins({ clock });
  const people = createPeople({
    records,
    store: createMemoryUsers(),
    server: { revokePrincipal: async () => 0 },
    runtime: await createTestRuntime(),
    clock,
    limits,
    log: createTestLog(),
  });
  for (const [name, password] of Object.entries(passwords)) {
    await people.users.add(name, { roles: [], groups: [], password });
  }
  const sealer = await createSealer(makeKey());
  const links = createLoginLinks({ records, limits });
  const begun: LoginRequest[] = [];
  const finished: FinishedLogin[] = [];
  const grants: Pick<ServerGrants, "begin" | "finish"> = {
    begin: options.begin ?? (async (request) => {
      begun.push(request);
      return { url: issuerPage(begun.length) };
    }),
    async finish({ params, browser }) {
      const request = begun[Number(params.get("state")) - 1];
      if (request?.browser !== browser) {
        throw new GatewayError("login_required", "This log-in was not begun in this browser");
      }
      const error = params.get("error");
      if (error !== null) {
        const words = params.get("error_description") ?? "";
        throw new GatewayError("login_required", `The issuer refused: ${error} ${words}`);
      }
      const { server, principal, returnTo } = request;
      const issuer = "https://issuer.example/tenant";
      const login = { server, principal, issuer, scopes: ["read"], returnTo, ...options.granted };
      finished.push(login);
      return login;
    },
  };
  const gateway = createFakeGateway();
  gateway.surfaces = ["/mcp", ...servers.map(({ name }) => `/servers/${name}`)];
  const harness = createHarness({
    clock,
    limits,
    gateway,
    config: { ...(kinds.length === 0 ? {} : { auth: { kinds, settings: {} } }), ...config },
    connect: { people, sealer, grants, links, protectedServers: () => servers },
    ...(kinds.includes("oauth")
      ? {
        pages: {
          people,
          sealer,
          waiting: {
            find: async () => undefined,
            approve: async () => undefined,
            refuse: async () => undefined,
          },
        },
      }
      : {}),
  });
  // A proxy in front takes the path of the public URL away.
  const prefix = config.publicUrl === undefined ? "" : new URL(config.publicUrl).pathname;
  const sendRequest: SendRequest = (request) => {
    const { origin, pathname, search } = new URL(request.url);
    const isBelow = prefix !== "/" && prefix !== "" && pathname.startsWith(`${prefix}/`);
    const url = `${origin}${isBelow ? pathname.slice(prefix.length) : pathname}${search}`;
    const forwarded = isBelow ? new Request(url, request) : request;
    return harness.handler.fetch(forwarded, { remoteAddress: "192.0.2.1" });
  };
  return {
    ...harness,
    links,
    begun,
    finished,
    sendRequest,
    browser: () => openBrowser(sendRequest),
    pageOf: (server, link) =>
      `${base}/oauth/connect/${encodeURIComponent(server)}${
        link === undefined ? "" : `?link=${link}`
      }`,
  };
}

/** Logs a person in at the gateway, where a page asks for it. */
export function logIn(
  browser: TestBrowser,
  page: ShownPage,
  name: keyof typeof passwords,
): Promise<ShownPage> {
  return browser.submit(page, { name, password: passwords[name] });
}

/** Sends the form that goes on to the issuer. */
export function goOn(browser: TestBrowser, page: ShownPage): Promise<ShownPage> {
  return browser.submit(page, { returnTo: returnToIn(page) });
}

function returnToIn({ html }: ShownPage): string {
  return /name="returnTo" value="([^"]*)"/.exec(html)?.[1] ?? "";
}

/** Goes to the callback, as an issuer sends a browser there. */
export function comeBack(
  browser: TestBrowser,
  params: Readonly<Record<string, string>>,
): Promise<ShownPage> {
  return browser.open(`${base}/oauth/callback?${new URLSearchParams(params)}`);
}
