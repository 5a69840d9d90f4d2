/**
 * What a recipe must be beyond its schema: names that fit together, and paths into answers that can
 * be understood. Each problem is told with its place in the recipe.
 */
import { compile } from "@jmespath-community/jmespath";
import { appendKey } from "./config_error.ts";
import type { RecipeEndpoint, RecipeFile } from "./recipe.ts";

/** Tells a problem of the recipe: where it stands, and what is expected. */
type Refuse = (key: string, problem: string) => void;

/** Tells everything that is wrong with a recipe whose shape is right. */
export function checkRecipe(recipe: RecipeFile, refuse: Refuse): void {
  const names = new Set<string>();
  checkPath("errorMessage", recipe.errorMessage, refuse);
  checkPath("login.token", recipe.login?.token, refuse);
  checkPath("login.baseUrl", recipe.login?.baseUrl, refuse);
  for (const [index, endpoint] of recipe.endpoints.entries()) {
    const at = (key: string) => `${appendKey("endpoints", index)}.${key}`;
    const { name, projection, pagination } = endpoint;
    if (names.has(name)) refuse(at("name"), `expected a name of its own, got ${quote(name)} twice`);
    names.add(name);
    if (endpoint.login && recipe.login === undefined) {
      refuse(at("login"), "expected a log-in in the recipe, since this endpoint needs one");
    }
    checkPath(at("projection"), projection, refuse);
    if (pagination?.type === "page") checkPath(at("pagination.pages"), pagination.pages, refuse);
    if (pagination?.type === "offset") checkPath(at("pagination.total"), pagination.total, refuse);
    if (pagination?.type === "cursor") checkPath(at("pagination.next"), pagination.next, refuse);
    checkParameters(endpoint, at, refuse);
  }
}

function checkParameters(
  { path, parameters, pagination, method }: RecipeEndpoint,
  at: (key: string) => string,
  refuse: Refuse,
): void {
  const inPath = new Set([...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name));
  for (const name of inPath) {
    if (name !== undefined && parameters[name]?.in === "path") continue;
    refuse(at("path"), `expected a parameter ${quote(name)} with "in": "path"`);
  }
  for (const [name, parameter] of Object.entries(parameters)) {
    const key = appendKey(at("parameters"), name);
    if (parameter.in === "path" && !inPath.has(name)) {
      refuse(key, `expected {${name}} in the path of its endpoint`);
    }
    if (parameter.in === "path" && !parameter.required) {
      refuse(`${key}.required`, "expected true, since it is a part of the path");
    }
    if (parameter.in === "body" && method === "GET") {
      refuse(`${key}.in`, "expected another place, since GET has no body");
    }
  }
  if (pagination === undefined) return;
  const named = "size" in pagination
    ? [pagination.parameter, pagination.size]
    : [pagination.parameter];
  for (const name of named) {
    if (name === undefined || Object.hasOwn(parameters, name)) continue;
    refuse(at("pagination"), `expected a parameter of its endpoint, got ${quote(name)}`);
  }
}

function checkPath(key: string, path: string | undefined, refuse: Refuse): void {
  if (path === undefined) return;
  try {
    compile(path);
  } catch (thrown) {
    refuse(
      key,
      `expected a JMESPath expression: ${thrown instanceof Error ? thrown.message : thrown}`,
    );
  }
}

const quote = (text: unknown): string => JSON.stringify(text);
