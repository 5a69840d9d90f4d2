/**
 * The authorization server as clients find it: its metadata at all paths (RFC 8414, and OpenID
 * Connect Discovery), what each client needs of it, and its token endpoint.
 */
import { defaultLimits, msPerSecond } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { type Finding, fine, problem, warning } from "./finding.ts";
import {
  type Arrived,
  type Outside,
  readDocument,
  shown,
  toObject,
  toUnusable,
} from "./outside.ts";

const unchanged = "let the proxy pass the metadata on unchanged";

/** Looks at the gateway's own authorization server; `issuer` is the one that its metadata names. */
export async function checkMetadata(outside: Outside, issuer: string): Promise<Finding[]> {
  const { base, facts: { server } } = outside;
  const expected = server?.issuerAt(base);
  if (expected === undefined) return [];
  if (issuer !== expected) {
    return [problem(
      `Clients are sent to the authorization server ${shown(issuer)}, and it is ${expected}`,
      "set MCP_PUBLIC_URL to the URL that clients use, to the letter",
    )];
  }
  const documents = await Promise.all(
    metadataUrls(issuer).map(async (url) => ({ url, read: await readDocument(outside, url) })),
  );
  const found = documents.flatMap(({ url, read }): Finding[] => {
    if ("finding" in read) return [read.finding];
    const named = read.value["issuer"];
    return named === issuer ? [] : [problem(
      `${url} names the issuer ${shown(named)} instead of ${issuer}; clients compare every byte`,
      "set MCP_PUBLIC_URL to the URL that clients use, and let the proxy pass the metadata on",
    )];
  });
  const values = documents.flatMap(({ read }) => "value" in read ? [read.value] : []);
  // All paths answer alike, unless something in between changes them.
  const members = [
    ...new Map(
      values.flatMap((value) => checkMembers(value, server?.registration, base))
        .map((finding) => [finding.text, finding]),
    ).values(),
  ];
  return [
    ...found,
    ...members,
    ...(found.length + members.filter(({ level }) => level !== "ok").length === 0
      ? [fine(`Clients find the authorization server ${issuer}`)]
      : []),
    ...await checkToken(outside, values[0]?.["token_endpoint"]),
  ];
}

/** Where clients look (RFC 8414, 3 and 5; OpenID Connect Discovery, 4). */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    ...(path === "" ? [] : [`${origin}${path}/.well-known/openid-configuration`]),
  ];
}

/** A member that clients need. */
interface MemberRule {
  readonly name: string;
  readonly isRight: (value: unknown) => boolean;
  readonly expected: string;
  /** Who cannot connect without it. */
  readonly needs: string;
}

const lists = (item: string) => (value: unknown) => Array.isArray(value) && value.includes(item);
const isTrue = (value: unknown) => value === true;

const memberRules: readonly MemberRule[] = [
  {
    name: "code_challenge_methods_supported",
    isRight: lists("S256"),
    expected: "S256",
    needs: "all clients",
  },
  {
    name: "response_types_supported",
    isRight: lists("code"),
    expected: "code",
    needs: "all clients",
  },
  {
    name: "client_id_metadata_document_supported",
    isRight: isTrue,
    expected: "true",
    needs: "claude.ai, ChatGPT and Codex, so that they keep one registration",
  },
  {
    name: "token_endpoint_auth_methods_supported",
    isRight: lists("none"),
    expected: "none",
    needs: "claude.ai and clients without a secret",
  },
  {
    name: "authorization_response_iss_parameter_supported",
    isRight: isTrue,
    expected: "true",
    needs: "ChatGPT and Gemini CLI",
  },
  {
    name: "scopes_supported",
    isRight: lists("offline_access"),
    expected: "offline_access",
    needs: "VS Code, which otherwise gets no refresh token",
  },
];

function checkMembers(
  value: JsonObject,
  registration: "open" | "off" | undefined,
  base: string,
): Finding[] {
  const { origin } = new URL(base);
  const endpoints = [
    "authorization_endpoint",
    "token_endpoint",
    ...(registration === "open" ? ["registration_endpoint"] : []),
  ];
  return [
    ...memberRules.flatMap(({ name, isRight, expected, needs }) =>
      isRight(value[name]) ? [] : [problem(
        `The metadata lacks ${expected} in ${name}, which ${needs} need`,
        unchanged,
      )]
    ),
    ...endpoints.flatMap((name) => {
      const given = value[name];
      if (typeof given !== "string" || !URL.canParse(given)) {
        return [problem(`The metadata lacks ${name}, which clients need`, unchanged)];
      }
      return new URL(given).origin === origin ? [] : [problem(
        `The metadata names ${shown(given)} as ${name}, which is another host than ${base}`,
        "set MCP_PUBLIC_URL to the URL that clients use",
      )];
    }),
    ...(registration === "off"
      ? [fine("Clients cannot register; Cursor, Windsurf, Goose and Gemini CLI need an entry each")]
      : []),
  ];
}

/** An empty request is refused at once, as JSON that no cache keeps (RFC 6749, 5.1 and 5.2). */
async function checkToken({ send }: Outside, given: unknown): Promise<Finding[]> {
  if (typeof given !== "string" || !URL.canParse(given)) return [];
  const url = given;
  const begunAt = performance.now();
  const answer = await send(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "",
  });
  const unusable = toUnusable(url, answer);
  if (unusable !== undefined) return [unusable];
  const { status, headers, text } = answer as Arrived;
  if (![400, 401].includes(status) || typeof toObject(text)?.["error"] !== "string") {
    return [problem(
      `${url} answers a request for a token by ${status} and without an OAuth error`,
      "let the proxy pass POST requests below /oauth/ on to the gateway, without a log-in, " +
        "check or error page of its own",
    )];
  }
  const ms = performance.now() - begunAt;
  return [
    ...(/\bno-store\b/i.test(headers.get("cache-control") ?? "") ? [] : [problem(
      `${url} answers without Cache-Control: no-store`,
      "let the proxy keep that header: a cache must never keep tokens",
    )]),
    ms < defaultLimits.clientPatienceMs / 2 ? fine("The token endpoint answers") : warning(
      `${url} takes ${Math.round(ms / msPerSecond)} s; claude.ai waits ${
        defaultLimits.clientPatienceMs / msPerSecond
      } s`,
      "look at the load of this machine and of the proxy",
    ),
  ];
}
