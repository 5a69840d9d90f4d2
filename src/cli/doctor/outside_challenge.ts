/**
 * What a client without credentials gets from the MCP endpoint, and where that leads: the challenge
 * (RFC 6750) and the metadata of the resource (RFC 9728). Each finding names what connects clients
 * again. Not here: the authorization server (outside_metadata.ts).
 */
import { type Finding, fine, problem, warning } from "./finding.ts";
import { type Arrived, type Outside, readDocument, shown, toUnusable } from "./outside.ts";

/** The findings, and the first authorization server that clients are sent to. */
export interface ChallengeReport {
  readonly findings: readonly Finding[];
  readonly issuer?: string | undefined;
}

/** The endpoint whose URL a person types. */
const endpoint = "/mcp";
const wellKnown = "/.well-known/oauth-protected-resource";
/** It opens no session, not even where it is answered. */
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const passHeaders = "let the proxy pass the status and the WWW-Authenticate header on unchanged";

/** Looks at the challenge of a gateway whose clients authenticate. */
export async function checkChallenge(outside: Outside): Promise<ChallengeReport> {
  const url = `${outside.base}${endpoint}`;
  const answer = await outside.send(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: ping,
  });
  const unusable = toUnusable(url, answer) ?? toWrongStatus(url, answer as Arrived);
  if (unusable !== undefined) return { findings: [unusable] };
  const header = (answer as Arrived).headers.get("www-authenticate") ?? "";
  const challenge = readChallenge(header);
  if (challenge === undefined) {
    return {
      findings: [
        header === ""
          ? problem(`${url} answers 401 without a WWW-Authenticate header`, passHeaders)
          : problem(
            `${url} asks for ${shown(header)} instead of Bearer`,
            "remove the log-in that the proxy asks for: MCP clients cannot answer it",
          ),
      ],
    };
  }
  const isFindable = hasIssuer(outside) &&
    (outside.facts.server?.isDiscoverable(endpoint) ?? true);
  if (!isFindable) return { findings: [fine(`${url} refuses clients without credentials by 401`)] };
  return await checkResource(outside, url, challenge);
}

const hasIssuer = ({ facts: { kinds } }: Outside): boolean =>
  kinds.includes("oauth") || kinds.includes("jwt");

/** Statuses by which clients learn nothing. */
function toWrongStatus(url: string, { status }: Arrived): Finding | undefined {
  if (status === 401) return undefined;
  if (status < 300) {
    return problem(
      `${url} answers ${status} to a client without credentials`,
      "restart the gateway if MCP_AUTH has changed, and let no proxy send credentials of its own",
    );
  }
  if (status === 403) {
    return problem(
      `${url} answers 403 instead of 401, by which no client starts to log in`,
      "let the proxy keep the Host of the client, or list the name in MCP_ALLOWED_HOSTS; remove " +
        "any log-in of the proxy",
    );
  }
  return problem(
    `${url} answers ${status} instead of 401 to a client without credentials`,
    "let the proxy pass the request on to the gateway, with its method and body",
  );
}

/** The parameters of a Bearer challenge, by name in lower case; undefined: there is none. */
function readChallenge(header: string): ReadonlyMap<string, string> | undefined {
  const [, params] = /(?:^|,\s*)Bearer(?:\s+(.*))?$/is.exec(header) ?? [];
  if (params === undefined && !/(?:^|,\s*)Bearer\s*$/i.test(header)) return undefined;
  const pairs = (params ?? "").matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g);
  return new Map(
    [...pairs].map(([, name = "", quoted, plain]) =>
      [name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain ?? ""] as const
    ),
  );
}

async function checkResource(
  outside: Outside,
  url: string,
  challenge: ReadonlyMap<string, string>,
): Promise<ChallengeReport> {
  const { base } = outside;
  const named = challenge.get("resource_metadata");
  if (named === undefined || !URL.canParse(named)) {
    return {
      findings: [problem(
        `The 401 of ${url} names no resource_metadata, so that clients do not find the log-in`,
        passHeaders,
      )],
    };
  }
  const findings: Finding[] = [fine(`${url} refuses clients without credentials by 401`)];
  if (challenge.get("scope") === undefined) {
    findings.push(
      warning(`The 401 of ${url} names no scope, so that clients may ask for too few`, passHeaders),
    );
  }
  if (new URL(named).origin !== new URL(base).origin) {
    findings.push(problem(
      `The 401 of ${url} sends clients to ${shown(named)}, which is another host`,
      `set MCP_PUBLIC_URL to ${base}, or to the URL that clients use`,
    ));
  }
  const read = await readDocument(outside, named);
  if ("finding" in read) return { findings: [...findings, read.finding] };
  const { value: { resource, authorization_servers: servers } } = read;
  findings.push(
    resource === url ? fine(`The metadata is that of ${url}`) : problem(
      `${named} is about resource ${shown(resource)}, and clients use ${url}`,
      "set MCP_PUBLIC_URL to the URL that clients use, to the letter",
    ),
  );
  const issuer: unknown = Array.isArray(servers) ? servers[0] : undefined;
  if (typeof issuer !== "string" || !URL.canParse(issuer)) {
    findings.push(problem(`${named} names no authorization server`, unchanged));
  }
  return {
    findings: [...findings, ...await checkOtherPaths(outside, named)],
    issuer: typeof issuer === "string" && URL.canParse(issuer) ? issuer : undefined,
  };
}

const unchanged = "let the proxy pass the body on unchanged";

/** Clients that ignore the challenge look at the root, and below the path. */
async function checkOtherPaths(outside: Outside, named: string): Promise<Finding[]> {
  const { base, facts: { server } } = outside;
  if (server?.hidesSurfaces === true) return [];
  const { origin, pathname } = new URL(base);
  const prefix = pathname.replace(/\/$/, "");
  const wanted: readonly (readonly [url: string, resources: readonly string[]])[] = [
    [`${origin}${wellKnown}${prefix}${endpoint}`, [`${base}${endpoint}`]],
    [`${origin}${wellKnown}${prefix}`, [base, `${base}${endpoint}`]],
  ];
  const others = wanted.filter(([url]) => url !== named);
  const found = await Promise.all(others.map(async ([url, resources]) => {
    const read = await readDocument(outside, url);
    if ("finding" in read) return [read.finding];
    const { resource } = read.value;
    return resources.some((one) => one === resource) ? [] : [problem(
      `${url} is about resource ${shown(resource)}, and not about ${resources.join(" or ")}`,
      "let the proxy pass it on to the gateway, and set MCP_PUBLIC_URL to the URL of clients",
    )];
  }));
  return found.flat();
}
