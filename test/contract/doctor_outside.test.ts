/**
 * `doctor` from outside: a gateway that is right behind a proxy that is wrong in one way each. The
 * proxy is what the public URL leads to, so each fault is one that clients would meet.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { createServer, request as requestPlainly, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createSilentServer } from "node:net";
import { join } from "node:path";
import { findIssuerProblem, isReachedFromElsewhere, readAccessFacts } from "../../src/app.ts";
import { lookFromOutside } from "../../src/cli/doctor/check_outside.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import type { Outside } from "../../src/cli/doctor/outside.ts";
import { type CheckRequest, request } from "../../src/cli/doctor/probe.ts";
import { createNodeSystem } from "../../src/runtime/node_system.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { localhostTls, otherTls, testAuthority } from "../support/certificates.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { runCli, runHere, runHereJson } from "../support/run_cli.ts";
import { spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";
import { type OAuthGateway, openOAuthGateway } from "../support/oauth_gateway.ts";

/** An answer of the proxy, which a fault changes. */
interface Passed {
  status: number;
  headers: Headers;
  text: string;
}
type Fault = (url: URL, passed: Passed, method: string) => void | Promise<void>;

let runtime: Runtime;
let server: Server;
let base: string;
let fault: Fault = () => {};
let behind: OAuthGateway | undefined;

beforeAll(async () => {
  runtime = await createTestRuntime();
  server = createServer((incoming, outgoing) => {
    const chunks: Uint8Array[] = [];
    incoming.on("data", (chunk: Uint8Array) => void chunks.push(chunk));
    incoming.on("end", async () => {
      const url = new URL(incoming.url ?? "/", base);
      const method = incoming.method ?? "GET";
      const body = chunks.length === 0 ? undefined : new TextDecoder().decode(chunks[0]);
      const headers = new Headers();
      for (const name of ["accept", "content-type"]) {
        const value = incoming.headers[name];
        if (value !== undefined) headers.set(name, String(value));
      }
      const init = method === "POST" ? { method, headers, body: body ?? "" } : { method, headers };
      // A proxy that serves the gateway below a path takes that path away.
      const inner = new URL(url.href.replace(`${base}/gateway/`, `${base}/`));
      const response = await behind?.fetch(inner, init) ?? new Response("none", { status: 502 });
      const passed: Passed = {
        status: response.status,
        headers: new Headers(response.headers),
        text: await response.text(),
      };
      await fault(url, passed, method);
      passed.headers.delete("content-length");
      outgoing.writeHead(passed.status, Object.fromEntries(passed.headers));
      outgoing.end(passed.text);
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What is found at the proxy of a gateway with these settings. */
async function look(
  { kinds = ["oauth"], settings = {}, env = {}, at = base }: {
    readonly kinds?: readonly string[];
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly env?: Readonly<Record<string, string>>;
    /** The URL that clients use. */
    readonly at?: string;
  },
  faultOfProxy: Fault = () => {},
): Promise<Finding[]> {
  const options = { kinds, settings, env: { MCP_PUBLIC_URL: at, ...env } };
  behind = await openOAuthGateway({ ...options, servers: {} });
  fault = faultOfProxy;
  const platform = { runtime } as never;
  const signal = new AbortController().signal;
  try {
    return await lookFromOutside({
      base: at,
      facts: await readAccessFacts({ kinds, settings: { oauth: settings } }),
      isReachedFromElsewhere,
      send: (url: string, sent?: CheckRequest) => request({ platform, signal }, url, sent),
      certificateEnd: () => Promise.resolve(undefined),
    });
  } finally {
    await behind.close();
  }
}

const bad = (found: readonly Finding[]) => found.filter(({ level }) => level !== "ok");

/** Changes the members of each JSON document at a path. */
const withMembers =
  (path: string, members: Readonly<Record<string, unknown>>): Fault => (url, passed) => {
    if (!url.pathname.includes(path) || passed.status !== 200) return;
    passed.text = JSON.stringify({ ...JSON.parse(passed.text), ...members });
  };

const onMcp = (change: (passed: Passed) => void): Fault => (url, passed) => {
  if (url.pathname === "/mcp") change(passed);
};
const onToken = (change: (passed: Passed) => void): Fault => (url, passed) => {
  if (url.pathname === "/oauth/token") change(passed);
};
const redirectTo = (to: string) => (passed: Passed) => {
  passed.status = 307;
  passed.headers.set("location", to);
};
const server8414 = "/.well-known/oauth-authorization-server";
const openId = "/.well-known/openid-configuration";
const resource = "/.well-known/oauth-protected-resource";
const elsewhere = "https://elsewhere.example/x";

/** The fault, what is said first, and a word of what to do. */
const faults: Readonly<Record<string, readonly [Fault, says: string, todo: string]>> = {
  "a 200 without credentials": [
    onMcp((passed) => void (passed.status = 200)),
    "answers 200 to a client without credentials",
    "restart the gateway",
  ],
  "a 403": [
    onMcp((passed) => void (passed.status = 403)),
    "answers 403 instead of 401",
    "MCP_ALLOWED_HOSTS",
  ],
  "a 404": [
    onMcp((passed) => void (passed.status = 404)),
    "answers 404 instead of 401",
    "pass the request on",
  ],
  "a 502": [onMcp((passed) => void (passed.status = 502)), "answers 502", "log of the proxy"],
  "a redirect to another host": [
    onMcp(redirectTo(elsewhere)),
    `/mcp redirects to ${elsewhere}`,
    "do not follow a redirect to another host",
  ],
  "a redirect on the same host": [
    onMcp(redirectTo("/mcp/")),
    "/mcp/",
    "may not follow redirects",
  ],
  "no challenge": [
    onMcp(({ headers }) => headers.delete("www-authenticate")),
    "401 without a WWW-Authenticate header",
    "WWW-Authenticate",
  ],
  "a log-in of the proxy": [
    onMcp(({ headers }) => headers.set("www-authenticate", 'Basic realm="staff"')),
    'asks for Basic realm="staff" instead of Bearer',
    "remove the log-in",
  ],
  "a challenge without metadata": [
    onMcp(({ headers }) => headers.set("www-authenticate", 'Bearer scope="mcp"')),
    "names no resource_metadata",
    "WWW-Authenticate",
  ],
  "a challenge without a scope": [
    onMcp(({ headers }) =>
      headers.set("www-authenticate", `Bearer resource_metadata="${base}${resource}/mcp"`)
    ),
    "names no scope",
    "WWW-Authenticate",
  ],
  "metadata of the resource that redirects": [
    (url, passed) => {
      if (url.pathname === `${resource}/mcp`) redirectTo(elsewhere)(passed);
    },
    `${resource}/mcp redirects to ${elsewhere}`,
    "set MCP_PUBLIC_URL",
  ],
  "no metadata of the resource at the root": [
    (url, passed) => {
      if (url.pathname === resource) passed.status = 404;
    },
    `${resource} answers 404 instead of the metadata`,
    "/.well-known/",
  ],
  "another resource": [
    withMembers(`${resource}/mcp`, { resource: "http://other.example/mcp" }),
    "is about resource http://other.example/mcp, and clients use",
    "to the letter",
  ],
  "no authorization server": [
    withMembers(`${resource}/mcp`, { authorization_servers: [] }),
    "names no authorization server",
    "unchanged",
  ],
  "another authorization server first": [
    withMembers(`${resource}/mcp`, { authorization_servers: [elsewhere] }),
    `sent to the authorization server ${elsewhere}`,
    "MCP_PUBLIC_URL",
  ],
  "an issuer with a slash more": [
    (url, passed) => withMembers(server8414, { issuer: `${base}/` })(url, passed, "GET"),
    "clients compare every byte",
    "MCP_PUBLIC_URL",
  ],
  "no RFC 8414 path": [
    (url, passed) => {
      if (url.pathname === server8414) passed.status = 404;
    },
    `${server8414} answers 404`,
    "/.well-known/",
  ],
  "no OpenID path": [
    (url, passed) => {
      if (url.pathname === openId) passed.text = "<html>";
    },
    `${openId} answers with something else than JSON`,
    "/.well-known/",
  ],
  ...Object.fromEntries(
    [
      "code_challenge_methods_supported",
      "response_types_supported",
      "client_id_metadata_document_supported",
      "token_endpoint_auth_methods_supported",
      "authorization_response_iss_parameter_supported",
      "scopes_supported",
      "authorization_endpoint",
      "token_endpoint",
      "registration_endpoint",
    ].map((
      name,
    ) => [`no ${name}`, [withMembers("/.well-known/", { [name]: undefined }), name, "unchanged"]]),
  ),
  "an endpoint of another host": [
    withMembers(server8414, { authorization_endpoint: elsewhere }),
    `names ${elsewhere} as authorization_endpoint`,
    "MCP_PUBLIC_URL",
  ],
  "a token endpoint that redirects": [
    onToken(redirectTo("/login")),
    "/oauth/token redirects to",
    "follow redirects",
  ],
  "an error page instead of a token error": [
    onToken((passed) => void (passed.text = "<html>Blocked</html>")),
    "without an OAuth error",
    "below /oauth/",
  ],
  "a token endpoint that may be cached": [
    onToken(({ headers }) => headers.set("cache-control", "max-age=60")),
    "without Cache-Control: no-store",
    "must never keep tokens",
  ],
};

describe("a gateway whose clients log in", () => {
  test("nothing is wrong without a fault", async () => {
    const found = await look({});
    expect(bad(found)).toEqual([]);
    const text = found.map((one) => one.text).join("\n");
    expect(text).toContain(`${base}/mcp refuses clients without credentials by 401`);
    expect(text).toContain(`The metadata is that of ${base}/mcp`);
    expect(text).toContain(`Clients find the authorization server ${base}`);
    expect(text).toContain("The token endpoint answers");
  });

  for (const [name, [wrong, says, todo]] of Object.entries(faults)) {
    test(`${name}: is found, with what to do`, async () => {
      const [first, ...others] = bad(await look({}, wrong));
      expect(first?.text ?? "nothing").toContain(says);
      expect(first?.advice?.join(" ")).toContain(todo);
      // One fault is not told in many ways.
      expect(others.length).toBeLessThan(2);
    });
  }

  test("the gateway without MCP_PUBLIC_URL sends clients to the host that the proxy asks for", async () => {
    const asks = "http://localhost:8999";
    const found = await look({ env: { MCP_PUBLIC_URL: asks } });
    expect(bad(found)[0]?.text).toContain(`sends clients to ${asks}`);
    expect(bad(found)[0]?.advice?.[0]).toContain(`set MCP_PUBLIC_URL to ${base}`);
  });

  test("below a path of its host, the metadata at the root of the host belongs to it, too", async () => {
    const at = `${base}/gateway`;
    expect(bad(await look({ at }))).toEqual([]);
    const found = bad(
      await look({ at }, (url, passed) => {
        // The proxy passes on what is below the path, and nothing else.
        if (!url.pathname.startsWith("/gateway/")) passed.status = 404;
      }),
    );
    expect(found.length).toBeGreaterThan(1);
    for (const { text, advice = [] } of found) {
      expect(text).toContain(`${base}/.well-known/`);
      expect(advice.join()).toContain("all paths below /.well-known/");
    }
  });

  test("an endpoint without discovery, or clients that cannot register, are no fault", async () => {
    expect(bad(await look({ settings: { discovery: false } }))).toEqual([]);
    const other = { discovery: { "/servers/files": false } };
    expect(bad(await look({ settings: other }))).toEqual([]);
    const found = await look({ settings: { registration: "off" } });
    expect([bad(found), found.some(({ text }) => text.includes("Clients cannot register"))])
      .toEqual([[], true]);
  });

  test("clients with keys need the 401 alone", async () => {
    expect(bad(await look({ kinds: ["key"] }))).toEqual([]);
    const open = onMcp((passed) => void (passed.status = 200));
    expect(bad(await look({ kinds: ["key"] }, open)).length).toBe(1);
  });
});

describe("the address", () => {
  const publicly = (addresses: readonly string[], more: Partial<Outside> = {}) => {
    const headers = new Headers({ date: new Date().toUTCString() });
    return lookFromOutside({
      base: "https://gateway.example",
      facts: { kinds: [], server: undefined, issuers: [] },
      isReachedFromElsewhere,
      send: (_url, { allowAddress = () => true } = {}) => {
        const allowed = addresses.filter(allowAddress);
        const none = Object.assign(new Error("none"), { kind: "forbidden", sent: false } as const);
        return Promise.resolve(
          allowed.length === 0 ? { fault: none } : { status: 200, headers, text: "" },
        );
      },
      certificateEnd: () => Promise.resolve(Date.now() + 90.5 * 86_400_000),
      ...more,
    });
  };

  test("a public one with a certificate that lasts is right", async () => {
    const found = await publicly(["203.0.114.7", "2001:db8::1"]);
    expect(bad(found)).toEqual([]);
    expect(found.map(({ text }) => text).join("\n")).toMatch(/IPv4 \(203\.0\.114\.7\)[^]*90 days/);
  });

  test("IPv6 alone, a private address, and a certificate that ends soon are found", async () => {
    expect(bad(await publicly(["2606:4700::1"]))[0]?.text).toContain("has no IPv4 address");
    expect(bad(await publicly(["10.0.0.5"]))[0]?.text).toContain("10.0.0.5 here, an address");
    const soon = { certificateEnd: () => Promise.resolve(Date.now() + 3.5 * 86_400_000) };
    expect(bad(await publicly(["203.0.114.7"], soon))[0]?.text).toContain("valid for 3 days");
    const plain = await publicly(["203.0.114.7"], { base: "http://gateway.example" });
    expect(bad(plain)[0]?.text).toContain("is not encrypted");
  });

  test("a clock that is wrong against the Date of the public address is found", async () => {
    const headers = new Headers({ date: new Date(Date.now() + 3_600_000).toUTCString() });
    const send: Outside["send"] = (_url, { allowAddress = () => true } = {}) => {
      allowAddress("203.0.114.7");
      return Promise.resolve({ status: 200, headers, text: "" });
    };
    expect(bad(await publicly([], { send }))[0]?.text).toContain("s behind the public address");
  });

  test("the end of a certificate is read on every runtime, and silence ends in time", async () => {
    const secure = createSecureServer(localhostTls).listen(0, "127.0.0.1");
    await new Promise((resolve) => secure.once("listening", resolve));
    const address = secure.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    const { certificateEnd } = createNodeSystem();
    expect(new Date(await certificateEnd({ host: "127.0.0.1", port, withinMs: 5_000 }) ?? 0)
      .getUTCFullYear()).toBe(2126);
    secure.close();
    const silent = createSilentServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const other = silent.address();
    const silentPort = typeof other === "object" ? other?.port ?? 0 : 0;
    expect(await certificateEnd({ host: "127.0.0.1", port: silentPort, withinMs: 300 }))
      .toBeUndefined();
    silent.close();
  });
});

describe("doctor as a command", () => {
  test("looks at a running gateway from outside, and at its users and keys", async () => {
    const env = { MCP_AUTH: "key,oauth" };
    const gateway = await spawnGateway({ servers: {}, env });
    try {
      await until("the log to say so", () => /Serving MCP at.*key,oauth/.test(gateway.log()));
      const options = { cwd: gateway.directory, env: { ...env, MCP_PORT: "0" } };
      const soon = new Date(Date.now() + 1_500).toISOString();
      const made = await runHere(["keys", "add", "old", "--expires", soon], options);
      expect([made.code, made.stderr.includes("Cannot")]).toEqual([0, false]);
      await until(
        "the key to expire",
        async () => (await runHere(["keys", "list"], options)).stdout.includes("expired"),
      );
      const texts = async () => {
        const { findings } = await runHereJson(["doctor"], options) as {
          findings: { group: string; level: string; text: string }[];
        };
        const groups = ["Access", "From outside"];
        return findings.filter(({ group }) => groups.includes(group))
          .map(({ level, text }) => `${level}: ${text}`).join("\n");
      };
      const running = await texts();
      expect(running).toContain("warning: No key is valid");
      expect(running).toContain("warning: 1 key has expired: old");
      expect(running).toContain("warning: No user exists and no OpenID provider is set up");
      expect(running).toContain("/mcp refuses clients without credentials by 401");
      expect(running).toContain(`ok: Clients find the authorization server ${gateway.url}`);
      expect(running).not.toContain("problem");
      await gateway.stop();
      const stopped = await texts();
      expect(stopped).toContain("ok: Not checked: no gateway runs");
      expect(stopped).toContain("warning: 1 key has expired: old");
    } finally {
      await gateway.dispose();
    }
  }, 120_000);

  for (const [name, certificate] of Object.entries({ own: localhostTls, other: otherTls })) {
    test(`goes through a proxy with https and the certificate of its ${name} name`, async () => {
      const target = { url: "" };
      const proxy = createSecureServer(certificate, (incoming, outgoing) => {
        const { method, headers } = incoming;
        const onward = requestPlainly(new URL(incoming.url ?? "/", target.url), {
          method,
          headers,
        });
        onward.on("response", (answer) => {
          // One connection per request: on a busy machine Deno's node:https may never say that an
          // answer over TLS is finished, and a next request on its connection would wait for ever.
          const once = { ...answer.headers, connection: "close" };
          outgoing.writeHead(answer.statusCode ?? 502, once);
          answer.pipe(outgoing);
        });
        onward.on("error", () => outgoing.destroy());
        const body: Uint8Array[] = [];
        incoming.on("data", (part: Uint8Array) => void body.push(part));
        incoming.on("end", () => onward.end(Buffer.concat(body)));
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => proxy.once("listening", resolve));
      const address = proxy.address();
      const publicUrl = `https://localhost:${typeof address === "object" ? address?.port : ""}`;
      const env = { MCP_AUTH: "oauth", MCP_PUBLIC_URL: publicUrl };
      const gateway = await spawnGateway({ servers: {}, env });
      target.url = gateway.url;
      try {
        const authority = join(gateway.directory, "authority.pem");
        writeFileSync(authority, testAuthority);
        // It finds the public URL at the running gateway.
        const { stdout } = await runCli(["doctor", "--json"], {
          cwd: gateway.directory,
          env: { MCP_PORT: "0", MCP_AUTH: "oauth", NODE_EXTRA_CA_CERTS: authority },
        });
        const { findings } = JSON.parse(stdout) as {
          findings: { group: string; level: string; text: string }[];
        };
        const text = findings.filter(({ group }) => group !== "Runtimes")
          .map((one) => `${one.group}: ${one.level}: ${one.text}`).join("\n");
        expect(text).toContain(`Gateway: warning: Its MCP_PUBLIC_URL is ${publicUrl}, and that`);
        if (name === "own") {
          expect(text).toMatch(/outside: ok: The certificate of localhost is valid for \d+ days/);
          expect(text).toContain(`ok: Clients find the authorization server ${publicUrl}`);
          expect(text).not.toContain("problem:");
        } else {
          expect(text).toMatch(/Public address: problem: .*certificate cannot be trusted/);
          expect(text).toContain("From outside: ok: Not checked: the gateway does not answer");
        }
      } finally {
        await gateway.dispose();
        proxy.closeAllConnections();
        proxy.close();
      }
    }, 120_000);
  }
});

describe("issuers of tokens", () => {
  test("their keys can be read, or it says why not", async () => {
    const [issuer] = (await readAccessFacts({
      kinds: ["jwt"],
      settings: { jwt: { issuers: [{ issuer: base, jwksUrl: `${base}/keys` }] } },
    })).issuers;
    const { signal } = new AbortController();
    if (issuer === undefined) throw new Error("There is no issuer");
    behind = undefined;
    fault = (_url, passed) => Object.assign(passed, { status: 200, text: '{"keys":[]}' }) as never;
    expect(await findIssuerProblem(runtime, issuer, signal)).toBeUndefined();
    fault = (_url, passed) => void (passed.status = 404);
    expect(await findIssuerProblem(runtime, issuer, signal)).toContain("status 404");
  });
});
