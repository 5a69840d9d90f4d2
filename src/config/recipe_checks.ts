/**
 * The rules of a recipe beyond its schema: names that match, defaults that their own schemas allow,
 * and expressions that parse. Each problem names its place in the recipe. Not here: the schema
 * itself (recipe.ts), and texts with `${NAME}` (rest_server.ts).
 */
import { type Schema, Validator } from "@cfworker/json-schema";
import { appendKey, describeWord } from "./config_error.ts";
import { headerProblem, valueProblem } from "./credential_values.ts";
import { expressionProblem } from "./expression.ts";
import type { RecipeEndpoint, RecipeFile } from "./recipe.ts";

/** Reports a problem of the recipe: its place, and the expectation. */
type Refuse = (key: string, problem: string) => void;
type Parameter = RecipeEndpoint["parameters"][string];

/** Reports all problems of a recipe whose shape is valid. */
export function checkRecipe(recipe: RecipeFile, refuse: Refuse): void {
  checkExpression("errorMessage", recipe.errorMessage, refuse);
  checkNames("variants", recipe.variants, refuse);
  checkNames("endpoints", recipe.endpoints, refuse);
  if (recipe.login !== undefined) checkLogin(recipe.login, refuse);
  for (const [index, endpoint] of recipe.endpoints.entries()) {
    const at = (key: string) => `${appendKey("endpoints", index)}.${key}`;
    if (endpoint.login && recipe.login === undefined) {
      refuse(at("login"), "expected a log-in in the recipe, because this endpoint needs one");
    }
    checkExpression(at("projection"), endpoint.projection, refuse);
    if (endpoint.outputSchema !== undefined) {
      checkSchema(at("outputSchema"), endpoint.outputSchema, refuse);
    }
    checkPath(endpoint, at, refuse);
    checkPlaces(endpoint, at, refuse);
    checkPagination(endpoint, at, refuse);
    for (const [name, parameter] of Object.entries(endpoint.parameters)) {
      checkParameter(name, parameter, endpoint, appendKey(at("parameters"), name), refuse);
    }
  }
}

function checkNames(
  key: string,
  items: readonly { readonly name: string }[],
  refuse: Refuse,
): void {
  const names = new Set<string>();
  for (const [index, { name }] of items.entries()) {
    const place = `${appendKey(key, index)}.name`;
    if (names.has(name)) refuse(place, `expected a unique name, got ${quote(name)} twice`);
    names.add(name);
  }
}

function checkLogin(login: NonNullable<RecipeFile["login"]>, refuse: Refuse): void {
  checkExpression("login.token", login.token, refuse);
  checkExpression("login.baseUrl", login.baseUrl, refuse);
  const header = headerProblem(login.header);
  if (header !== undefined) refuse("login.header", header);
  const prefix = login.prefix === "" ? undefined : valueProblem("header", login.prefix);
  if (prefix !== undefined) refuse("login.prefix", prefix);
  // Its path is not a template: it has no arguments.
  if (login.path.includes("{")) refuse("login.path", "expected a path without braces");
}

/** Each name in the path has a path parameter, and each path parameter is in the path. */
function checkPath(
  { path, parameters }: RecipeEndpoint,
  at: (key: string) => string,
  refuse: Refuse,
): void {
  const named = new Set([...path.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name));
  const isInPath = (name: string) =>
    Object.hasOwn(parameters, name) && parameters[name]?.in === "path";
  for (const name of named) {
    if (isInPath(name)) continue;
    refuse(at("path"), `expected a parameter ${quote(name)} with "in": "path"`);
  }
  for (const name of Object.keys(parameters)) {
    if (!isInPath(name) || named.has(name)) continue;
    refuse(appendKey(at("parameters"), name), `expected {${name}} in the path of its endpoint`);
  }
}

/** Refuses parameters that the API could not tell apart; names of headers ignore case. */
function checkPlaces(
  { parameters }: RecipeEndpoint,
  at: (key: string) => string,
  refuse: Refuse,
): void {
  const taken = new Map<string, string>();
  for (const [argument, { in: place, name = argument }] of Object.entries(parameters)) {
    const wire = `${place} ${place === "header" ? name.toLowerCase() : name}`;
    const other = taken.get(wire);
    taken.set(wire, argument);
    if (other === undefined) continue;
    const key = appendKey(at("parameters"), argument);
    refuse(key, `expected a name or place that differs from those of ${quote(other)}`);
  }
}

function checkParameter(
  argument: string,
  { in: place, name = argument, required, schema, join, default: otherwise }: Parameter,
  { method }: RecipeEndpoint,
  key: string,
  refuse: Refuse,
): void {
  if (place === "path" && !required) {
    refuse(`${key}.required`, "expected true, because it is a part of the path");
  }
  if (place === "body" && method === "GET") {
    refuse(`${key}.in`, "expected another place, because GET has no body");
  }
  if (place === "header") {
    const problem = ownHeaders.has(name.toLowerCase())
      ? "belongs in credentials or headers, not in arguments; remove it"
      : headerProblem(name);
    if (problem !== undefined) refuse(key, problem);
  }
  if (place === "body" && join !== undefined) {
    refuse(`${key}.join`, "has no meaning in a body, where a list is a list; remove it");
  }
  const isRight = checkSchema(`${key}.schema`, schema, refuse);
  if (otherwise === undefined) return;
  if (required) {
    refuse(`${key}.default`, "is never used, because the argument is required; remove it");
  } else if (isRight && !isAllowed(otherwise, schema)) {
    refuse(`${key}.default`, "expected a value that its schema allows");
  }
}

/** Headers that no argument may set, because they carry credentials or identify the gateway. */
const ownHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "user-agent"]);

const types = ["string", "number", "integer", "boolean", "array", "object", "null"];

/** Whether a JSON Schema names only types that exist. */
function checkSchema(
  key: string,
  schema: Readonly<Record<string, unknown>>,
  refuse: Refuse,
): boolean {
  const { type } = schema;
  const named: readonly unknown[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (!named.every((one) => typeof one === "string" && types.includes(one))) {
    refuse(`${key}.type`, `expected ${types.map(quote).join(", ")}, or a list of them`);
    return false;
  }
  return true;
}

function isAllowed(value: unknown, schema: Readonly<Record<string, unknown>>): boolean {
  try {
    return new Validator(schema as Schema, "2020-12").validate(value).valid;
  } catch {
    // A schema that cannot be applied allows nothing.
    return false;
  }
}

function checkPagination(
  { parameters, pagination }: RecipeEndpoint,
  at: (key: string) => string,
  refuse: Refuse,
): void {
  if (pagination === undefined) return;
  const named = "size" in pagination
    ? [pagination.parameter, pagination.size]
    : [pagination.parameter];
  for (const name of named) {
    if (name === undefined || Object.hasOwn(parameters, name)) continue;
    refuse(at("pagination"), `expected a parameter of its endpoint, got ${quote(name)}`);
  }
  const { type } = pagination;
  if (type === "page") checkExpression(at("pagination.pages"), pagination.pages, refuse);
  if (type === "offset") checkExpression(at("pagination.total"), pagination.total, refuse);
  if (type === "cursor") checkExpression(at("pagination.next"), pagination.next, refuse);
}

function checkExpression(key: string, expression: string | undefined, refuse: Refuse): void {
  const problem = expression === undefined ? undefined : expressionProblem(expression);
  if (problem !== undefined) refuse(key, `expected a JMESPath expression: ${problem}`);
}

const quote = describeWord;
