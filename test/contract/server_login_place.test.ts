/**
 * Where the gateway says that people log in at protected servers: the URLs for texts and questions
 * at calls, and the pages of a whole gateway behind them.
 */
import { describe, expect, test } from "bun:test";
import { createLoginPlace } from "../../src/grants/login_place.ts";
import { anonymousPrincipal, operatorPrincipal, sharedPrincipal } from "../../src/model.ts";
import { base, openOAuthGateway } from "../support/oauth_gateway.ts";

const listener = "http://localhost:7999";
const links = {
  make: async (server: string, principal: string) => `for-${server}-${principal}`,
};
const place = (authenticates: boolean, publicUrl?: string) =>
  createLoginPlace({ links, publicUrl, authenticates });

describe("the place of log-ins", () => {
  test("is unknown before a listener is open, except with a public URL", async () => {
    const later = place(true);
    const before = [await later.urlOf("files", "key:ci"), await later.operatorUrlOf("files", "")];
    expect([...before, later.base()])
      .toEqual([undefined, undefined, undefined]);
    later.listensAt(`${listener}/`);
    expect(await later.urlOf("files", "key:ci"))
      .toBe(`${listener}/oauth/connect/files?link=for-files-key:ci`);
    const known = place(true, "https://gateway.example/gw");
    known.listensAt(listener);
    expect(await known.urlOf("a b", "key:ci"))
      .toBe("https://gateway.example/gw/oauth/connect/a%20b?link=for-a b-key:ci");
  });

  const rows: readonly (readonly [authenticates: boolean, principal: string, hasUrl: boolean])[] = [
    [true, "user:ann", true],
    [true, sharedPrincipal.id, false],
    [true, anonymousPrincipal.id, false],
    [true, operatorPrincipal.id, false],
    [false, sharedPrincipal.id, true],
    [false, "user:ann", false],
  ];
  for (const [authenticates, principal, hasUrl] of rows) {
    const clients = authenticates ? "clients authenticate" : "clients do not authenticate";
    test(`has ${hasUrl ? "a" : "no"} URL for "${principal}" where ${clients}`, async () => {
      const asked = place(authenticates, listener);
      expect(await asked.urlOf("files", principal) !== undefined).toBe(hasUrl);
      expect(await asked.operatorUrlOf("files", principal)).toContain("?link=");
    });
  }
});

describe("a whole gateway", () => {
  const servers = {
    files: { url: "https://files.example/mcp" },
    web: { url: "https://w.example" },
  };
  const bearer = { headers: { Authorization: "Bearer x" } };
  const pages: readonly (readonly [kind: string, status: number, words: string])[] = [
    ["none", 200, "all clients of this gateway"],
    ["key", 403, "A link is needed"],
    ["oauth", 303, ""],
  ];
  for (const [kind, status, words] of pages) {
    test(`has the page of a protected server with the kind ${kind}`, async () => {
      const opened = await openOAuthGateway({
        kinds: [kind],
        servers: { ...servers, web: { ...servers.web, ...bearer } },
      });
      const page = await opened.fetch(`${base}/oauth/connect/files`);
      expect([page.status, (await page.text()).includes(words)]).toEqual([status, true]);
      const other = await opened.fetch(`${base}/oauth/connect/web`);
      await other.text();
      // It has credentials of its own.
      expect(other.status).toBe(kind === "none" ? 404 : status);
      const callback = await opened.fetch(`${base}/oauth/callback`);
      expect([callback.status, (await callback.text()).includes("No log-in was begun here")])
        .toEqual([400, true]);
      await opened.close();
    });
  }

  test("has the client document while a remote server may need it", async () => {
    const env = { MCP_PUBLIC_URL: "https://gateway.example" };
    const document = async (remote: Record<string, unknown>) => {
      const opened = await openOAuthGateway({ env, servers: { files: remote } });
      const url = "https://gateway.example/oauth/client-metadata.json";
      const response = await opened.fetch(url);
      const text = await response.text();
      await opened.close();
      return response.status === 200 ? JSON.parse(text) : response.status;
    };
    expect(await document(servers.files)).toMatchObject({
      client_id: "https://gateway.example/oauth/client-metadata.json",
      redirect_uris: ["https://gateway.example/oauth/callback"],
    });
    expect(await document({ ...servers.files, oauth: false })).toBe(404);
  });
});
