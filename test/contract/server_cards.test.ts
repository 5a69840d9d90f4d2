/** Server cards and the AI catalog (SEP-2127): which clients may read which card. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type CardGateway,
  type CardGatewayOptions,
  cardOf,
  listedBy,
  openCards,
} from "../support/card_gateway.ts";
import { by } from "../support/header_authenticator.ts";

type HeadersOf = Readonly<Record<string, string>>;

const catalog = "/.well-known/ai-catalog.json";
const allCard = "/mcp/server-card";
const cardAt = (name: string) => `/servers/${name}/mcp/server-card`;
const elsewhere = { origin: "https://elsewhere.example" };
const own = { origin: "http://localhost:8999" };
const echo = { echo: true };

let open: CardGateway[] = [];
afterEach(async () => {
  for (const one of open) await one.close();
  open = [];
}, 60_000);

async function start(options: CardGatewayOptions): Promise<CardGateway> {
  const one = await openCards(options);
  open.push(one);
  return one;
}

/** A gateway with one server whose card is public and one whose card is not. */
const mixed = (auth: string, card?: "public") =>
  start({
    auth,
    file: {
      mcpServers: { shown: { ...echo, card: "public" }, kept: echo },
      ...(card && { card }),
    },
  });

describe("who may read a card", () => {
  /** The credentials of a gateway's client. */
  const credentials: Readonly<Record<string, (one: CardGateway) => Promise<HeadersOf>>> = {
    none: () => Promise.resolve({}),
    people: () => Promise.resolve(by("ann")),
    async key({ gateway }) {
      const { key } = await gateway.access.keys.add({ name: "ann" });
      return { authorization: `Bearer ${key}` };
    },
  };

  test("a public card is for all, any other needs what its endpoint needs", async () => {
    const seen: unknown[] = [];
    const wanted: unknown[] = [];
    for (const [auth, credentialsOf] of Object.entries(credentials)) {
      for (const card of [undefined, "public"] as const) {
        const one = await mixed(auth, card);
        const headers = await credentialsOf(one);
        const refused = auth === "none" ? 200 : 401;
        for (const method of ["GET", "HEAD"]) {
          const statuses = async (from: HeadersOf) => {
            const paths = [allCard, cardAt("shown"), cardAt("kept"), cardAt("absent")];
            const answers = paths.map((path) => one.fetch(path, { method, headers: from }));
            return (await Promise.all(answers)).map(({ status }) => status);
          };
          const all = card === "public" ? 200 : refused;
          seen.push([auth, card, method, "without", await statuses({})]);
          wanted.push([auth, card, method, "without", [
            ...[all, 200, refused],
            auth === "none" ? 404 : 401,
          ]]);
          seen.push([auth, card, method, "with", await statuses(headers)]);
          wanted.push([auth, card, method, "with", [200, 200, 200, 404]]);
        }
      }
    }
    expect(seen).toEqual(wanted);
  });

  test("a refusal tells where the endpoint's credentials come from, and is readable by pages", async () => {
    const one = await mixed("key");
    const refused = await one.fetch(cardAt("kept"), { headers: elsewhere });
    expect([refused.status, refused.headers.get("access-control-allow-origin")])
      .toEqual([401, "*"]);
    expect(refused.headers.get("www-authenticate")).toContain("Bearer");
    const text = await (await one.fetch(cardAt("absent"))).text();
    expect(await refused.text()).toBe(text);
  });

  test("a server that access denies has no card for that principal, as it has no endpoint", async () => {
    const one = await start({
      auth: "people",
      file: {
        mcpServers: { files: echo, mail: echo },
        access: [{ principal: "ann", servers: "files", what: "allow" }],
      },
    });
    const headers = by("ann");
    expect((await one.fetch(cardAt("files"), { headers })).status).toBe(200);
    const hidden = await one.fetch(cardAt("mail"), { headers });
    const unknown = await one.fetch(cardAt("none"), { headers });
    const textOf = async (response: Response) => (await response.text()).replace(/mail|none/g, "X");
    expect([hidden.status, await textOf(hidden)]).toEqual([404, await textOf(unknown)]);
    expect(await listedBy(await one.fetch(catalog, { headers }))).toEqual([
      allCard,
      cardAt("files"),
    ]);
  });

  test("where clients need no credentials, a page of another origin reads public cards alone", async () => {
    const one = await mixed("none");
    const statuses = async (headers: HeadersOf) =>
      await Promise.all(
        [allCard, cardAt("shown"), cardAt("kept"), cardAt("absent")].map(async (path) =>
          (await one.fetch(path, { headers })).status
        ),
      );
    expect(await statuses(elsewhere)).toEqual([403, 200, 403, 403]);
    expect(await statuses(own)).toEqual([200, 200, 200, 404]);
    expect(await listedBy(await one.fetch(catalog, { headers: elsewhere })))
      .toEqual([cardAt("shown")]);
    // Everything else is closed to it, as before.
    expect((await one.fetch("/health", { headers: elsewhere })).status).toBe(403);
    expect((await one.fetch(allCard, { headers: { host: "evil.example" } })).status).toBe(403);
  });

  test("a key opens cards to a page of another origin", async () => {
    const one = await mixed("key");
    const { key } = await one.gateway.access.keys.add({ name: "ann" });
    const headers = { ...elsewhere, authorization: `Bearer ${key}` };
    const card = await one.fetch(cardAt("kept"), { headers });
    expect([card.status, card.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  });

  test("a reload publishes a card, and takes it back", async () => {
    const one = await mixed("key");
    const statusOf = async (path: string) => (await one.fetch(path)).status;
    await one.reload({ card: "public", mcpServers: { shown: echo, kept: echo } });
    expect([await statusOf(allCard), await statusOf(cardAt("shown"))]).toEqual([200, 401]);
    await one.reload({ mcpServers: { shown: echo, kept: { ...echo, card: "public" } } });
    expect([await statusOf(allCard), await statusOf(cardAt("kept"))]).toEqual([401, 200]);
  });
});

describe("the catalog", () => {
  test("names public cards without credentials, and all that the caller may know with them", async () => {
    for (const auth of ["key", "people"]) {
      const one = await mixed(auth);
      const { key } = await one.gateway.access.keys.add({ name: "ann" });
      const headers = auth === "key" ? { authorization: `Bearer ${key}` } : by("ann");
      expect(await listedBy(await one.fetch(catalog))).toEqual([cardAt("shown")]);
      const whole = await one.fetch(catalog, { headers });
      expect(whole.headers.get("content-type")).toBe("application/ai-catalog+json");
      expect(whole.headers.get("cache-control")).toBe("private, no-cache");
      expect(await listedBy(whole)).toEqual([allCard, cardAt("shown"), cardAt("kept")]);
      if (auth === "key") {
        const wrong = { authorization: "Bearer mcpk_wrong" };
        expect((await one.fetch(catalog, { headers: wrong })).status).toBe(401);
      }
    }
  });

  test("each entry leads to the card that it names", async () => {
    const one = await start({
      file: { mcpServers: { "my files": echo, "a/b": echo, [`x${"y".repeat(120)}`]: echo } },
    });
    const { entries } = await (await one.fetch(catalog)).json() as {
      entries: { url: string; identifier: string }[];
    };
    expect(new Set(entries.map(({ identifier }) => identifier)).size).toBe(4);
    const names = new Set<string>();
    for (const { url } of entries) {
      const response = await one.fetch(new URL(url).pathname);
      expect([url, response.status]).toEqual([url, 200]);
      const { name, remotes } = await cardOf(response);
      names.add(name);
      expect(`${remotes[0]?.url}/server-card`).toBe(url);
    }
    expect(names.size).toBe(4);
  });
});
