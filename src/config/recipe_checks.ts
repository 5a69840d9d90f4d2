/**
 * What a recipe must be beyond its schema: names that fit together, and paths into answers that can
 * be understood. Each problem is told with its place in the recipe.
 */
import { compile } from "@jmespath-community/jmespath";
import { appendKey } from "./config_error.ts";
import { headerProblem } from "./credential_values.ts";
import type { RecipeEndpoint, RecipeFile } from "./recipe.ts";

/** Tells a problem of the recipe: where it stands, and what is expected. */
type Refuse = (key: string, problem: string) => void;

/** Tells everything that is wrong with a recipe whose shape is right. */
export function checkRecipe(recipe: RecipeFile, refuse: Refuse): void {
  const names = new Set<string>();
  checkVariants(recipe, refuse);
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

function checkVariants({ variants }: RecipeFile, refuse: Refuse): void {
  const names = variants.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    refuse(
      `${appendKey("variants", index)}.name`,
      `expected a name of its own, got ${quote(name)} twice`,
    );
  }
}

function checkParameters(
  { path, parameters, pagination, method }: RecipeEndpoint,
  at: (key: string) => string,
  refuse: Refuse,
): void {
  const inPath = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name));
  if (/[{}]/.test(path.replace(/\{[^{}]+\}/g, ""))) {
    refuse(at("path"), `expected braces around names alone, got ${quote(path)}`);
  }
  for (const name of inPath) {
    if (name !== undefined && parameters[name]?.in === "path") continue;
    refuse(at("path"), `expected a parameter ${quote(name)} with "in": "path"`);
  }
  const wires = new Set<string>();
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
    if (parameter.in === "body" && parameter.join !== undefined) {
      refuse(`${key}.join`, "has no meaning in a body, where a list is a list; remove it");
    }
    checkWire(name, parameter, key, wires, refuse);
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

/** A parameter's name on the wire: nobody else's, and for a header one that is free. */
function checkWire(
  argument: string,
  { in: place, name = argument }: RecipeEndpoint["parameters"][string],
  key: string,
  wires: Set<string>,
  refuse: Refuse,
): void {
  const isHeader = place === "header";
  const wire = quote([place, isHeader ? name.toLowerCase() : name]);
  if (wires.has(wire)) refuse(key, `expected a name of its own, got ${quote(name)} twice`);
  wires.add(wire);
  if (!isHeader) return;
  const problem = ownHeaders.has(name.toLowerCase())
    ? "stands in credentials or headers, never in arguments; remove it"
    : headerProblem(name);
  if (problem !== undefined) refuse(key, problem);
}

/** No argument can say who calls. */
const ownHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "user-agent"]);

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
