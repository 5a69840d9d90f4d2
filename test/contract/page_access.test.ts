/**
 * Who gets in at the operator's page: its static files, its one-time link, its token, and what pages
 * of other origins and guessed codes are answered.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { appDocument, pageFiles } from "../../src/http/admin/page_names.ts";
import { defaultLimits } from "../../src/limits.ts";
import { openPageGateway, type PageGateway } from "../support/page_gateway.ts";
import { projectDirectory } from "../support/spawn_gateway.ts";

let page: PageGateway;
beforeEach(async () => {
  page = await openPageGateway();
});
afterEach(() => page.close());

const exchange = (code: unknown) => page.json("POST", "/admin/page/token", { body: { code } });

/** Every route that a page uses, with a body that it would take. */
const routes: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["GET", "/admin/status"],
  ["GET", "/admin/servers"],
  ["GET", "/admin/sessions"],
  ["GET", "/admin/calls"],
  ["PUT", "/admin/calls/arguments", { shown: false }],
  ["GET", "/admin/log"],
  ["GET", "/admin/events"],
  ["GET", "/admin/connect"],
  ["DELETE", "/admin/page/token"],
];

describe("the static files", () => {
  test("are all that the folder has for browsers, each with its type", async () => {
    const folder = join(projectDirectory, "src/page");
    const present = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => /\.(?:html|js|css|svg)$/.test(name));
    expect([...pageFiles].sort()).toEqual(present.sort());
    for (const file of pageFiles) {
      const response = await page.send("GET", `/admin/page/${file}`);
      expect([file, response.status]).toEqual([file, 200]);
      expect(await response.text()).toBe(readFileSync(join(folder, file), "utf8"));
      const type = { html: "text/html", js: "text/javascript", css: "text/css" };
      const ending = file.slice(file.lastIndexOf(".") + 1) as keyof typeof type;
      const expected = type[ending] ?? "image/svg+xml";
      expect([file, response.headers.get("content-type")?.split(";")[0]]).toEqual([file, expected]);
    }
  });

  test("forbid the browser everything that the page does not use", async () => {
    for (const path of ["/admin", "/admin/", ...pageFiles.map((file) => `/admin/page/${file}`)]) {
      const response = await page.send("GET", path);
      await response.text();
      const { headers, status } = response;
      expect([path, status]).toEqual([path, 200]);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("form-action 'none'");
      expect(policy).toContain("base-uri 'none'");
      if (path.endsWith(appDocument)) {
        // An app's HTML runs in it: scripts of its own, and no network and no origin.
        expect(policy).toContain("sandbox allow-scripts;");
        expect(policy).toContain("frame-ancestors 'self'");
        expect(policy).not.toContain("connect-src");
        expect(policy).toContain("webrtc 'block'");
      } else {
        expect(policy).not.toContain("unsafe-inline");
        expect(policy).not.toContain("unsafe-eval");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).toContain("require-trusted-types-for 'script'");
      }
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(headers.get("permissions-policy")).toContain("camera=()");
      expect(headers.get("access-control-allow-origin")).toBe(null);
      expect(headers.get("set-cookie")).toBe(null);
    }
  });

  test("are sent again only if they have changed", async () => {
    const first = await page.send("GET", "/admin");
    await first.text();
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const etag = first.headers.get("etag") ?? "";
    const again = await page.send("GET", "/admin", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect(again.headers.get("content-security-policy")).toContain("default-src 'none'");
    const other = await page.send("GET", "/admin", { headers: { "if-none-match": '"x"' } });
    expect(other.status).toBe(200);
    await other.text();
  });

  test("no other path reaches a file", async () => {
    const { operator: token } = page.tokens;
    for (
      const path of [
        "/admin/page/",
        "/admin/page/../admin_api.ts",
        "/admin/page/..%2f..%2fpackage.json",
        "/admin/page/%2e%2e/limits.ts",
        "/admin/page//app.js",
        "/admin/page/app.js/",
        "/admin/page/none.js",
      ]
    ) {
      const without = await page.send("GET", path);
      const text = await without.text();
      // A slash at the end is forgiven, as on every path.
      if (path === "/admin/page/app.js/") expect(without.status).toBe(200);
      else {
        expect([path, without.status, text.includes("import ")]).toEqual([path, 401, false]);
        const { status, code } = await page.json("GET", path, { token });
        expect([path, status, code]).toEqual([path, 404, "path_unknown"]);
      }
    }
  });

  test("a foreign Origin or Host gets none of them, nor a token", async () => {
    const paths = [["GET", "/admin"], ["GET", "/admin/page/app.js"], [
      "POST",
      "/admin/page/token",
    ]] as const;
    for (const [method, path] of paths) {
      const body = method === "POST" ? { code: page.makeCode() } : undefined;
      for (
        const headers of [
          { origin: "https://evil.example" },
          { origin: "null" },
          { origin: "http://localhost.evil.example:9000" },
          { host: "evil.example:9000" },
          { host: "127.0.0.1:9001" },
        ] as Record<string, string>[]
      ) {
        const { status, code } = await page.json(method, path, { body, headers });
        expect([path, headers, status]).toEqual([path, headers, 403]);
        expect(code).toMatch(/^(origin|host)_forbidden$/);
      }
    }
    expect(page.events.filter(({ type }) => type === "page_step").map(stepOf))
      .not.toContain("opened");
  });

  test("forwarding headers give nothing", async () => {
    for (const name of ["x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip"]) {
      const { status } = await page.json("GET", "/admin/servers", {
        headers: { [name]: "127.0.0.1" },
      });
      expect([name, status]).toEqual([name, 401]);
    }
  });
});

describe("a page that other machines can reach", () => {
  test("is used by pages of the host that was asked for, and of no other", async () => {
    const name = "box.example";
    const far = await openPageGateway({}, [], { host: "0.0.0.0", allowedHosts: [name] });
    try {
      const statusAt = async (host: string, origin: string) => {
        const body = { code: far.makeCode() };
        const headers = { host, origin };
        return (await far.json("POST", "/admin/page/token", { body, headers })).status;
      };
      expect(await statusAt(`${name}:9000`, `http://${name}:9000`)).toBe(201);
      expect(await statusAt(name, `https://${name}`)).toBe(201);
      expect(await statusAt("127.0.0.1:9000", "http://localhost:9000")).toBe(201);
      const foreign = [
        [`${name}:9000`, `http://${name}:9001`],
        [`${name}:9000`, `http://evil.${name}:9000`],
        [`${name}:9000`, "https://evil.example"],
        [`${name}:9000`, "null"],
        ["evil.example:9000", "http://evil.example:9000"],
        ["127.0.0.1:9000", "http://127.0.0.1:8999"],
      ] as const;
      for (const [host, origin] of foreign) {
        expect([host, origin, await statusAt(host, origin)]).toEqual([host, origin, 403]);
      }
    } finally {
      await far.close();
    }
  });
});

const stepOf = (event: { readonly type: string }) => (event as { step?: string }).step;

describe("the one-time link", () => {
  test("has its code in the fragment, and gives a token with the operator's rights", async () => {
    const { url, expiresAt } = page.admin.pageLink();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:9000\/admin#code=[\w-]{43}$/);
    expect(Date.parse(expiresAt) - page.clock.wall()).toBe(defaultLimits.pageLinkMs);
    const { status, body, headers } = await exchange(url.split("=")[1]);
    expect(status).toBe(201);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("set-cookie")).toBe(null);
    expect(Date.parse(body.expiresAt) - page.clock.wall()).toBe(defaultLimits.pageLoginMs);
    expect(Object.values(page.tokens)).not.toContain(body.token);
    const servers = await page.json("GET", "/admin/servers", { token: body.token });
    expect(servers.body.servers[0].name).toBe("echo");
  });

  test("is made for the owner alone", async () => {
    const { owner, operator } = page.tokens;
    const ask = (token: string | undefined) =>
      page.json("POST", "/admin/page/link", { token, body: {} });
    expect((await ask(undefined)).status).toBe(401);
    expect((await ask(operator)).code).toBe("owner_only");
    expect((await ask(await page.logIn())).code).toBe("owner_only");
    const { status, body } = await ask(owner);
    expect(status).toBe(201);
    expect((await exchange(body.url.split("=")[1])).status).toBe(201);
  });

  test("works once", async () => {
    const code = page.makeCode();
    const answers = await Promise.all([exchange(code), exchange(code), exchange(code)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
    const again = await exchange(code);
    expect([again.status, again.code]).toEqual([401, "link_invalid"]);
    expect(again.body.error.message).toContain("mcp-wrapper page");
  });

  test("works for ten minutes", async () => {
    const [early, late] = [page.makeCode(), page.makeCode()];
    page.clock.advance(defaultLimits.pageLinkMs - 1);
    expect((await exchange(early)).status).toBe(201);
    page.clock.advance(1);
    expect((await exchange(late)).code).toBe("link_invalid");
  });

  test("only the latest few wait", async () => {
    const first = page.makeCode();
    const others = Array.from({ length: defaultLimits.pageLinksMax }, () => page.makeCode());
    expect((await exchange(first)).code).toBe("link_invalid");
    for (const code of others) expect((await exchange(code)).status).toBe(201);
  });

  test("a hundred wrong codes are refused, and then not looked at; the right one still works", async () => {
    const right = page.makeCode();
    const statuses = [];
    for (let index = 0; index < 100; index += 1) {
      const { status, headers } = await exchange(`~${index}${right.slice(3)}`);
      statuses.push(status);
      if (status === 429) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    const { pageGuessesMax, pageGuessRefillMs } = defaultLimits;
    expect(statuses.filter((status) => status === 401).length).toBe(pageGuessesMax);
    expect(statuses.filter((status) => status === 429).length).toBe(100 - pageGuessesMax);
    const refused = page.events.filter((event) => stepOf(event) === "refused");
    expect(refused.length).toBe(pageGuessesMax);
    expect((await exchange(right)).status).toBe(201);
    page.clock.advance(pageGuessRefillMs);
    expect((await exchange("wrong")).status).toBe(401);
    expect((await exchange("wrong")).status).toBe(429);
  });

  test("a body that a form could send gets no token", async () => {
    const body = JSON.stringify({ code: page.makeCode() });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const { status } = await page.json("POST", "/admin/page/token", {
        body,
        headers: { "content-type": type },
      });
      expect([type, status]).toEqual([type, 415]);
    }
    for (const wrong of [{}, { code: 1 }, { code: "x".repeat(200) }, { code: "x", more: 1 }, []]) {
      const { code } = await page.json("POST", "/admin/page/token", { body: wrong });
      expect(code).toBe("invalid");
    }
  });
});

describe("the token of a page", () => {
  test("opens every route of the operator, and none of the owner", async () => {
    for (const [method, path, body] of routes) {
      expect([path, (await page.send(method, path, { body })).status]).toEqual([path, 401]);
      const wrong = await page.send(method, path, { body, token: `${page.tokens.operator}x` });
      expect([path, wrong.status]).toEqual([path, 401]);
      const token = await page.logIn();
      const own = await page.send(method, path, { body, token });
      expect([path, own.status]).toEqual([path, 200]);
      await own.body?.cancel();
    }
    const token = await page.logIn();
    for (const path of ["/admin/backup", "/admin/keys", "/admin/page/link"]) {
      expect((await page.json("POST", path, { token, body: {} })).code).toBe("owner_only");
    }
    const program = { command: "/bin/cat" };
    const added = await page.json("PUT", "/admin/servers/own", { token, body: program });
    expect(added.code).toBe("owner_only");
  });

  test("ends after its time, used or not", async () => {
    const token = await page.logIn();
    const status = async () => (await page.json("GET", "/admin/servers", { token })).status;
    const { pageLoginMs, pageIdleMs } = defaultLimits;
    for (let ms = 0; ms + pageIdleMs / 2 < pageLoginMs; ms += pageIdleMs / 2) {
      expect(await status()).toBe(200);
      page.clock.advance(pageIdleMs / 2);
    }
    page.clock.advance(pageIdleMs / 2);
    const { status: last, headers } = await page.json("GET", "/admin/servers", { token });
    expect(last).toBe(401);
    expect(headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  test("ends when nothing uses it for long", async () => {
    const token = await page.logIn();
    page.clock.advance(defaultLimits.pageIdleMs);
    expect((await page.json("GET", "/admin/servers", { token })).status).toBe(401);
  });

  test("a page that reads its stream uses it", async () => {
    const token = await page.logIn();
    const frames = await page.follow(token);
    await frames.next();
    page.clock.advance(2 * defaultLimits.pageIdleMs);
    expect((await page.json("GET", "/admin/servers", { token })).status).toBe(200);
    await frames.cancel();
  });

  test("ends when its page logs out, and no other with it", async () => {
    const [own, other] = [await page.logIn(), await page.logIn()];
    const out = await page.json("DELETE", "/admin/page/token", { token: own });
    expect([out.status, out.body]).toEqual([200, {}]);
    expect((await page.json("GET", "/admin/servers", { token: own })).status).toBe(401);
    expect((await page.json("GET", "/admin/servers", { token: other })).status).toBe(200);
    // Those of the data folder stay.
    const { operator } = page.tokens;
    const refused = await page.json("DELETE", "/admin/page/token", { token: operator });
    expect([refused.status, refused.code]).toEqual([400, "invalid"]);
    expect((await page.json("GET", "/admin/servers", { token: operator })).status).toBe(200);
  });

  test("the page that was used longest ago makes room for one more", async () => {
    const tokens = [];
    for (let index = 0; index < defaultLimits.pageLoginsMax; index += 1) {
      tokens.push(await page.logIn());
      page.clock.advance(1);
    }
    const [first = "", second = "", ...others] = tokens;
    expect((await page.json("GET", "/admin/servers", { token: first })).status).toBe(200);
    const newest = await page.logIn();
    expect((await page.json("GET", "/admin/servers", { token: second })).status).toBe(401);
    for (const token of [first, newest, ...others]) {
      expect((await page.json("GET", "/admin/servers", { token })).status).toBe(200);
    }
  });

  test("is of no use to clients in front, and theirs of none here", async () => {
    const token = await page.logIn();
    const url = "http://localhost:8999/admin/servers";
    const headers = { host: "localhost:8999", authorization: `Bearer ${token}` };
    const response = await page.gateway.fetch(new Request(url, { headers }));
    expect(response.status).toBe(404);
    await response.text();
  });
});

test("no code and no token is in the log, an event or an answer", async () => {
  const code = page.makeCode();
  const { body: { token } } = await exchange(code);
  await exchange(code);
  await exchange("a-wrong-code");
  const texts = [JSON.stringify(page.events)];
  for (const [method, path, body] of routes.filter(([method]) => method === "GET")) {
    if (path === "/admin/events") continue;
    texts.push((await page.json(method, path, { token, body })).text);
  }
  const all = texts.join("\n");
  for (const secret of [code, token, ...Object.values(page.tokens), "a-wrong-code"]) {
    expect(all).not.toContain(secret);
  }
  const records = (await page.json("GET", "/admin/log", { token })).body.records;
  const said = records.map(({ level, message }: Record<string, string>) => `${level} ${message}`);
  expect(said).toContain("INFO The operator's page was opened by a link");
  expect(said).toContain("WARN A link to the operator's page was refused");
});
