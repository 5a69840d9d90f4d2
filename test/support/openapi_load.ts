/**
 * OpenAPI documents in tests: written to a folder of their own or served, and loaded as the gateway
 * loads them.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { RestServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import { loadOpenApi } from "../../src/upstream/rest/openapi/load.ts";
import type { Operation, Service } from "../../src/upstream/rest/service.ts";
import { createTestDeps, type LogLine } from "./upstream_deps.ts";

/** The configuration of a server with this document. */
export function openApiConfig(
  location: string,
  overrides: Partial<RestServerConfig> = {},
): RestServerConfig {
  return {
    kind: "rest",
    name: "pets",
    source: { type: "openapi", location },
    headers: {},
    credentials: { type: "none" },
    login: { type: "none" },
    callTimeoutMs: 10_000,
    startTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    tools: {},
    ...overrides,
  };
}

/** Options of a test, next to the server's own keys. */
export interface LoadOptions extends Partial<RestServerConfig> {
  readonly limits?: Partial<Limits>;
}

/** Loads what is at a path or URL. */
export async function loadAt(
  location: string,
  { limits, ...overrides }: LoadOptions = {},
): Promise<{ service: Service; lines: readonly LogLine[] }> {
  const deps = await createTestDeps({ httpRetryMsMin: 1, httpRetryMsMax: 2, ...limits });
  const config = openApiConfig(location, overrides);
  const service = await loadOpenApi(config, location, deps, new AbortController().signal);
  return { service, lines: deps.lines };
}

/** Loads a document from its own file, next to which other files (by relative path) may be. */
export async function load(
  document: JsonObject | string,
  options: LoadOptions = {},
  others: Readonly<Record<string, JsonObject | string>> = {},
): Promise<{ service: Service; lines: readonly LogLine[] }> {
  const folder = await mkdtemp(join(tmpdir(), "openapi-"));
  try {
    const main = "folder/api.json";
    for (const [name, content] of Object.entries({ ...others, [main]: document })) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    }
    return await loadAt(join(folder, main), options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The sentence with which a document is refused. */
export async function refusalOf(loading: Promise<unknown>): Promise<string> {
  return await loading.then(
    () => "it was taken",
    (thrown: unknown) => thrown instanceof Error ? thrown.message : String(thrown),
  );
}

/** A small document of these paths. */
export function documentOf(paths: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    openapi: "3.1.0",
    info: { title: "Pets", version: "1" },
    servers: [{ url: "https://pets.example/v1" }],
    paths,
    ...more,
  };
}

/** A document with one operation, `POST /it`. */
export function documentWith(operation: JsonObject, more: JsonObject = {}): JsonObject {
  return documentOf({ "/it": { post: { operationId: "it", ...operation } } }, more);
}

/** A document whose body is somewhere else. */
export function refersTo(reference: string): JsonObject {
  return documentOf({
    "/here": { get: { operationId: "here" } },
    "/there": {
      post: {
        operationId: "there",
        requestBody: { content: { "application/json": { schema: { $ref: reference } } } },
      },
    },
  });
}

/** What such a reference leads to. */
export const pet = { Pet: { type: "object", properties: { name: { type: "string" } } } };

/** The only operation of a document. */
export async function operationOf(
  document: JsonObject | string,
  options: LoadOptions = {},
  others: Readonly<Record<string, JsonObject | string>> = {},
): Promise<Operation> {
  const { service } = await load(document, options, others);
  const [operation] = service.operations;
  if (operation === undefined || service.operations.length > 1) {
    throw new Error("not one operation");
  }
  return operation;
}

/** Documents to try, next to the project; undefined if they are missing. */
export function publicDocument(name: string): string | undefined {
  const path = join(import.meta.dirname, "../../../shared/openapi", name);
  return existsSync(path) ? path : undefined;
}

/** GitHub's document, from a development dependency. */
export const githubDocument = join(
  import.meta.dirname,
  "../../node_modules/@octokit/openapi/generated/api.github.com.json",
);
