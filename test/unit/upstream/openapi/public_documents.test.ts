/**
 * Public OpenAPI documents: each loads, lists its tools, and has every operation called against a
 * server that checks all requests by the same document.
 */
import { describe, expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import type { RestServerConfig } from "../../../../src/config/config.ts";
import type { JsonObject } from "../../../../src/model.ts";
import { createRestUpstream } from "../../../../src/upstream/rest/rest_upstream.ts";
import {
  createPlainDocument,
  type PlainDocument,
  readPlainDocument,
} from "../../../support/openapi_document.ts";
import {
  githubDocument,
  loadAt,
  openApiConfig,
  publicDocument,
} from "../../../support/openapi_load.ts";
import { serveOpenApi } from "../../../support/openapi_server.ts";
import { createTestDeps, drain, toolCall } from "../../../support/upstream_deps.ts";
import { isWhole } from "../../../support/random.ts";

/** Calls every tool twice, with all its arguments and with those it needs alone. */
async function callAll(path: string, overrides: Partial<RestServerConfig> = {}) {
  const document = await readPlainDocument(path);
  const server = await serveOpenApi(document);
  const config = openApiConfig(path, { baseUrl: server.baseUrl, ...overrides });
  const deps = await createTestDeps();
  const upstream = createRestUpstream(config, deps);
  const failures: string[] = [];
  let calls = 0;
  try {
    const tools = await upstream.list("tools", {} as never);
    for (const { name, inputSchema, outputSchema } of tools) {
      const plain = createPlainDocument(inputSchema as JsonObject);
      const validator = new Validator(outputSchema as JsonObject, "2020-12");
      for (const isFull of [true, false]) {
        const args = toArguments(plain, isFull);
        const { end } = await drain(upstream.open(toolCall(String(name), args)));
        calls += 1;
        const problem = end.kind === "result"
          ? toProblem(end.value, validator)
          : JSON.stringify(end);
        if (problem !== undefined) failures.push(`${name}(${JSON.stringify(args)}): ${problem}`);
      }
    }
    // Made with care: the rules for tools of any server find nothing in them.
    const corrected = deps.lines.filter(({ message }) => message.startsWith("Corrected"));
    failures.push(...corrected.map(({ message }) => message));
    return { tools: tools.length, calls, failures, server, document };
  } finally {
    await upstream.close();
    await server.close();
  }
}

/** Arguments as the tool's own schema allows them: what a model sees, and nothing else. */
function toArguments({ root, example }: PlainDocument, isFull: boolean): JsonObject {
  const { raw: _, skip: __, ...args } = example(root, isFull) as JsonObject;
  return args;
}

function toProblem(result: JsonObject, validator: Validator): string | undefined {
  if (result["isError"] === true) return JSON.stringify(result["content"]);
  // As it is on the wire: long numbers keep their digits there.
  const given = JSON.parse(JSON.stringify(result["structuredContent"]));
  const { valid, errors } = validator.validate(given);
  return valid ? undefined : JSON.stringify(errors);
}

/** All operations that can be tools, as the server names them. */
function operationsOf({ root }: PlainDocument): string[] {
  return Object.entries(root["paths"] as JsonObject).flatMap(([path, item]) =>
    Object.keys(item as JsonObject).filter((key) => /^(get|put|post|delete|patch)$/.test(key))
      .map((method) => `${method.toUpperCase()} ${path}`)
  );
}

describe("Every operation can be called as its document says", () => {
  for (
    const name of [
      "coingecko-demo.json",
      "v3.0-callback-example.yaml",
      "v3.0-link-example.json",
      "v3.0-petstore-expanded.yaml",
      "v3.0-petstore.yaml",
      "v3.0-uspto.yaml",
      "v3.1-non-oauth-scopes.yaml",
      "v3.1-tictactoe.yaml",
    ]
  ) {
    const path = publicDocument(name);
    // Where the folder of documents is missing, the test's name says that it was skipped.
    test.skipIf(path === undefined)(name, async () => {
      const { failures, server, document, calls } = await callAll(path ?? "");
      expect(server.misdeeds).toEqual([]);
      expect(failures).toEqual([]);
      expect([...server.called].sort()).toEqual(operationsOf(document).sort());
      expect(calls).toBe(2 * server.called.size);
    });
  }

  test("GitHub's", async () => {
    const { failures, server, document, tools } = await callAll(githubDocument, {
      tools: { allow: isWhole ? ["*"] : ["issues_*", "pulls_*", "gists_*"] },
      startTimeoutMs: 60_000,
    });
    expect(server.misdeeds).toEqual([]);
    expect(failures).toEqual([]);
    if (!isWhole) {
      expect(tools).toBeGreaterThan(50);
      expect(server.called.size).toBe(tools);
      return;
    }
    const all = operationsOf(document);
    expect(tools).toBe(all.length - 1);
    expect(all.filter((operation) => !server.called.has(operation))).toEqual([
      "POST /repos/{owner}/{repo}/releases/{release_id}/assets",
    ]);
  });
});

test.skipIf(publicDocument("v2.0-yaml-uber.yaml") === undefined)(
  "A document of version 2.0 loads and lists, with its API where its host is",
  async () => {
    const { service } = await loadAt(publicDocument("v2.0-yaml-uber.yaml") ?? "");
    expect(service.baseUrl).toBe("https://api.uber.com/v1");
    expect(service.leftOut).toEqual([]);
    expect(service.operations.map(({ name }) => name)).toEqual([
      "get_products",
      "get_estimates_price",
      "get_estimates_time",
      "get_me",
      "get_history",
    ]);
    const [products] = service.operations;
    expect(products?.inputSchema["required"]).toEqual(["latitude", "longitude"]);
  },
);

test("GitHub's document does not become a thousand tools by default", async () => {
  const refusal = await loadAt(githubDocument).then(() => "", (error: Error) => error.message);
  expect(refusal).toMatch(
    /its \d{4} operations are too many tools; choose some with "tools": \{"allow":\["repos\*"\]\}/,
  );
  const { service } = await loadAt(githubDocument, { tools: { allow: ["issues_*"] } });
  expect(service.operations.length).toBeGreaterThan(20);
  expect(service.operations.every(({ name }) => name.startsWith("issues_"))).toBe(true);
  const create = service.operations.find(({ name }) => name === "issues_create");
  expect(create?.inputSchema["required"]).toEqual(["owner", "repo", "title"]);
});
