/**
 * A server that is nothing but a document: it answers every request with what the document promises,
 * and notes whatever a request does that the document does not allow. Reads the document with its own
 * eyes (openapi_document.ts), so that a mistake of the gateway's loader is seen here.
 */
import type { Json, PlainDocument } from "./openapi_document.ts";
import { serveFetch } from "./serve_fetch.ts";

/** A server that watches. */
export interface OpenApiServer {
  /** The API's base URL; a path is in it, so that what leaves it is noticed. */
  readonly baseUrl: string;
  /** What requests did wrong, in words. */
  readonly misdeeds: readonly string[];
  /** Operations that were called, as `GET /pets/{id}`. */
  readonly called: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A document's operation, and what its template says of a path. */
interface Match {
  readonly template: string;
  readonly item: Json;
  readonly inPath: ReadonlyMap<string, string>;
}

/** Serves a document on 127.0.0.1. */
export async function serveOpenApi(document: PlainDocument): Promise<OpenApiServer> {
  const misdeeds: string[] = [];
  const called = new Set<string>();
  const match = createMatcher(document);
  const answers = new Map<Json, Answer>();
  const served = await serveFetch(async (request) => {
    const url = new URL(request.url);
    const method = request.method.toLowerCase();
    const matched = url.pathname.startsWith(prefix)
      ? match(method, url.pathname.slice(prefix.length))
      : undefined;
    const operation = document.follow(matched?.item[method]);
    if (matched === undefined || matched.item[method] === undefined) {
      misdeeds.push(`${request.method} ${url.pathname}: no such operation`);
      return new Response("no such operation", { status: 404 });
    }
    const name = `${request.method} ${matched.template}`;
    called.add(name);
    const found = [
      ...checkParameters(document, matched, operation, request),
      ...await checkBody(document, operation, request),
    ];
    misdeeds.push(...found.map((what) => `${name}: ${what}`));
    const { body, init } = answers.get(operation) ?? answerOf(document, operation);
    answers.set(operation, { body, init });
    return new Response(body, init);
  });
  return {
    baseUrl: `http://127.0.0.1:${served.port}${prefix}`,
    misdeeds,
    called,
    close: served.close,
  };
}

const prefix = "/base/v1";

/** Finds the template that fits a path, the one with the most of its own text first. */
function createMatcher({ root }: PlainDocument) {
  const ownText = (template: string) => template.replace(/\{[^}]*\}/g, "").length;
  const templates = Object.entries(root["paths"] as Readonly<Record<string, Json>>)
    .sort(([a], [b]) => ownText(b) - ownText(a))
    .map(([template, item]) => {
      const names: string[] = [];
      const pattern = template.split(/(\{[^}]*\})/).map((part) => {
        if (!part.startsWith("{")) return part.replace(/[.*+?^$()[\]\\|]/g, "\\$&");
        names.push(part.slice(1, -1));
        return "([^/]+)";
      }).join("");
      return { template, item, names, pattern: new RegExp(`^${pattern}$`) };
    });
  return (method: string, path: string): Match | undefined => {
    for (const { template, item, names, pattern } of templates) {
      const found = method in item ? pattern.exec(path) : null;
      if (found === null) continue;
      const values = found.slice(1).map(decodeURIComponent);
      const inPath = new Map(names.map((name, at) => [name, values[at] ?? ""]));
      return { template, item, inPath };
    }
    return undefined;
  };
}

function checkParameters(
  document: PlainDocument,
  { item, inPath }: Match,
  operation: Json,
  request: Request,
): string[] {
  const { searchParams } = new URL(request.url);
  const declared = [item["parameters"], operation["parameters"]]
    .flatMap((list) => (list ?? []) as unknown[]).map(document.follow);
  const found: string[] = [];
  for (const parameter of declared) {
    const name = String(parameter["name"]);
    const schema = parameter["schema"];
    const isExploded = parameter["explode"] ?? parameter["in"] === "query";
    const texts = {
      path: () => [inPath.get(name)],
      query: () => searchParams.getAll(name),
      header: () => [request.headers.get(name) ?? undefined],
      cookie: () => [undefined],
    }[String(parameter["in"]) as "path" | "query" | "header" | "cookie"]()
      .filter((text) => text !== undefined);
    if (texts.length === 0) {
      if (parameter["required"] === true) found.push(`"${name}" is missing`);
      continue;
    }
    const value = read(texts, document.follow(schema), document, isExploded === true);
    const misfit = document.misfit(value, schema);
    if (misfit !== undefined) found.push(`"${name}" is ${JSON.stringify(value)}: ${misfit}`);
  }
  const known = new Set(declared.filter((one) => one["in"] === "query").map((one) => one["name"]));
  for (const name of new Set(searchParams.keys())) {
    if (!known.has(name)) found.push(`"${name}" is not declared`);
  }
  return found;
}

/** Texts as the value that their schema means. */
function read(
  texts: readonly string[],
  schema: Json,
  document: PlainDocument,
  isExploded: boolean,
): unknown {
  const types = [schema["type"]].flat();
  const [first = ""] = texts;
  if (types.includes("array")) {
    const items = isExploded ? texts : first.split(",");
    return items.map((item) => read([item], document.follow(schema["items"]), document, false));
  }
  const choices = [schema["oneOf"], schema["anyOf"]].flatMap((list) => (list ?? []) as unknown[]);
  for (const choice of choices) {
    const value = read(texts, document.follow(choice), document, isExploded);
    if (document.misfit(value, schema) === undefined) return value;
  }
  if (/^-?\d+(\.\d+)?$/.test(first) && (types.includes("integer") || types.includes("number"))) {
    return Number(first);
  }
  if (types.includes("boolean") && (first === "true" || first === "false")) return first === "true";
  return first;
}

async function checkBody(
  document: PlainDocument,
  operation: Json,
  request: Request,
): Promise<string[]> {
  const text = await request.text();
  const given = operation["requestBody"];
  if (given === undefined) return text === "" ? [] : ["there is a body"];
  const body = document.follow(given);
  if (text === "") return body["required"] === true ? ["there is no body"] : [];
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const content = document.follow(body["content"]);
  const media = content[mediaType] as Json | undefined;
  if (media === undefined) return [`the body is "${mediaType}"`];
  const schema = media["schema"] ?? {};
  const value = mediaType.endsWith("json")
    ? JSON.parse(text)
    : mediaType.endsWith("x-www-form-urlencoded")
    ? readForm(text, document.follow(schema), document)
    : text;
  const misfit = document.misfit(value, withoutChoices(document.follow(schema)));
  return misfit === undefined ? [] : [`the body is ${JSON.stringify(value)}: ${misfit}`];
}

/** Which members of a body go together is said in words, and checked by the API alone. */
const withoutChoices = (() => {
  const made = new Map<Json, Json>();
  return (schema: Json): Json => {
    if (schema["properties"] === undefined) return schema;
    const { anyOf: _, oneOf: __, ...rest } = schema;
    const known = made.get(schema) ?? rest;
    made.set(schema, known);
    return known;
  };
})();

function readForm(text: string, schema: Json, document: PlainDocument): Json {
  const form = new URLSearchParams(text);
  const properties = document.follow(schema["properties"]);
  return Object.fromEntries([...new Set(form.keys())].map((name) => [
    name,
    read(form.getAll(name), document.follow(properties[name]), document, true),
  ]));
}

interface Answer {
  readonly body: string | null;
  readonly init: ResponseInit;
}

/** What the document promises when all goes well. */
function answerOf(document: PlainDocument, operation: Json): Answer {
  const responses = document.follow(operation["responses"]);
  const status = Object.keys(responses).sort().find((code) => code.startsWith("2"));
  if (status === undefined) return { body: null, init: { status: 204 } };
  const content = document.follow(document.follow(responses[status])["content"]);
  const mediaType = Object.keys(content).find((one) => one.endsWith("json")) ??
    Object.keys(content)[0];
  const code = /^\d+$/.test(status) ? Number(status) : 200;
  if (mediaType === undefined || code === 204 || code === 205) {
    return { body: null, init: { status: code } };
  }
  const media = content[mediaType] as Json;
  const [example] = Object.values(document.follow(media["examples"]));
  const value = media["example"] ?? document.follow(example)["value"] ??
    document.example(media["schema"] ?? {}, true);
  return {
    body: mediaType.endsWith("json") ? JSON.stringify(value) : String(value),
    init: { status: code, headers: { "content-type": mediaType } },
  };
}
