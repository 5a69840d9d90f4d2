/**
 * A large OpenAPI document as a server: real clients of either era list and call tools of GitHub's
 * API. A local server plays that API and checks every request against the document.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { createPlainDocument } from "../support/openapi_document.ts";
import { githubDocument } from "../support/openapi_load.ts";
import { type OpenApiServer, serveOpenApi } from "../support/openapi_server.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const repository = { owner: "octocat", repo: "hello world" };
let api: OpenApiServer;
let gateway: SpawnedGateway;

beforeAll(async () => {
  api = await serveOpenApi(createPlainDocument(JSON.parse(readFileSync(githubDocument, "utf8"))));
  const github = { openapi: githubDocument, baseUrl: api.baseUrl };
  gateway = await spawnGateway({
    servers: {
      github: {
        ...github,
        credentials: { type: "bearer", token: "${GITHUB_TOKEN}" },
        tools: { allow: ["issues_*", "repos_get"], deny: ["issues_*label*"] },
      },
      all: { ...github, tools: { allow: ["*"] } },
      surprise: github,
    },
    env: { GITHUB_TOKEN: "token-of-mine" },
  });
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await api?.close();
}, testMs);

/** A first list does not wait for ever for a large document: it is asked for again. */
const namesOf = (client: RealClient) =>
  until("the document's tools", async () => {
    const names = await client.toolNames();
    return names.length > 0 ? names : undefined;
  });

for (const kind of clientKinds.filter(({ name }) => /Streamable|pinned/.test(name))) {
  describe(kind.name, () => {
    let client: RealClient;
    beforeAll(async () => {
      client = await kind.open(gateway.url, "/servers/github/mcp");
    }, testMs);
    afterAll(() => client?.close(), testMs);

    test("lists only the chosen operations", async () => {
      const names = await namesOf(client);
      expect(names).toContain("issues_create");
      expect(names).toContain("repos_get");
      expect(names.filter((name) => !/^issues_|^repos_get$/.test(name))).toEqual([]);
      expect(names.filter((name) => name.includes("label"))).toEqual([]);
    }, testMs);

    test("calls them as the document says, and their answers fit their schemas", async () => {
      const made = [
        await client.callWhole("repos_get", repository),
        await client.callWhole("issues_list-for-repo", { ...repository, per_page: 2 }),
        await client.callWhole("issues_create", { ...repository, title: "A title", body: "Words" }),
      ];
      expect(made.map(({ isError }) => isError === true)).toEqual([false, false, false]);
      for (const { structuredContent } of made) expect(structuredContent).toHaveProperty("result");
      expect(api.misdeeds).toEqual([]);
      expect([...api.called]).toEqual([
        "GET /repos/{owner}/{repo}",
        "GET /repos/{owner}/{repo}/issues",
        "POST /repos/{owner}/{repo}/issues",
      ]);
    }, testMs);

    test("gets an error that names the missing argument", async () => {
      const { isError, content } = await client.callWhole("issues_create", repository);
      expect(isError).toBe(true);
      expect((content as { text: string }[])[0]?.text).toContain("title");
    }, testMs);

    test("can have a thousand tools, when the configuration asks for them", async () => {
      const whole = await kind.open(gateway.url, "/servers/all/mcp");
      // A page at least: not every library goes on to the next one by itself.
      expect((await namesOf(whole)).length).toBeGreaterThanOrEqual(1_000);
      await whole.close();
    }, testMs);
  });
}

test("a thousand tools are refused by default, and the error says how to choose", async () => {
  const health = await (await fetch(`${gateway.url}/health`)).json();
  expect(health).toMatchObject({ status: "healthy" });
  const open = async () => await clientKinds[0]?.open(gateway.url, "/servers/surprise/mcp");
  const answer = await until("the server to say so", async () => {
    try {
      const client = await open();
      const fault = await client?.toolNames().then(() => "", String);
      await client?.close();
      return fault;
    } catch (fault) {
      return String(fault);
    }
  });
  expect(answer).toContain('"tools": {"allow":');
}, testMs);
