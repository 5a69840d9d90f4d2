/**
 * A recipe as a service: each endpoint becomes an operation, and its parameters become arguments
 * with their place in the request. The recipe was checked when it was read (config/recipe.ts).
 */
import type { RestServerConfig } from "../../config/config.ts";
import type { Recipe, RecipeEndpoint } from "../../config/recipe.ts";
import type { BodyPlan, Operation, Parameter, Service } from "./service.ts";

/** The engine's form of a recipe. */
export function toService(recipe: Recipe, { baseUrl }: RestServerConfig): Service {
  const { title, version, description, budget, errorMessage, endpoints } = recipe;
  return {
    title,
    version,
    instructions: description,
    baseUrl: (baseUrl ?? recipe.baseUrl).replace(/\/+$/, ""),
    budget,
    operations: endpoints.map(toOperation),
    leftOut: [],
    errorMessages: errorMessage === undefined ? [] : [errorMessage],
  };
}

type Row = readonly [argument: string, parameter: RecipeEndpoint["parameters"][string]];

/** Methods for which two calls have the effect of one (RFC 9110, section 9.2.2). */
const repeatable: ReadonlySet<string> = new Set(["GET", "PUT", "DELETE"]);

function toOperation(endpoint: RecipeEndpoint): Operation {
  const { name, title, description, method, path, pagination, projection, cacheMs } = endpoint;
  const rows = Object.entries(endpoint.parameters);
  return {
    name,
    title,
    description,
    method,
    path: toWirePath(path, rows),
    parameters: rows.flatMap((row) => toParameter(row) ?? []),
    body: toBody(rows),
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(rows.map(([argument, parameter]) => [
        argument,
        parameter.default === undefined
          ? parameter.schema
          : { ...parameter.schema, default: parameter.default },
      ])),
      required: rows.filter(([, parameter]) => parameter.required).map(([argument]) => argument),
      additionalProperties: false,
    },
    outputSchema: endpoint.outputSchema,
    projection,
    pagination,
    cacheMs,
    repeatable: endpoint.repeatable ?? repeatable.has(method),
    resends: endpoint.repeatable ?? method === "GET",
    readOnly: endpoint.readOnly ?? method === "GET",
    login: endpoint.login,
  };
}

/** The path with the names of the request; a recipe writes it with the names of the arguments. */
function toWirePath(path: string, rows: readonly Row[]): string {
  const names = new Map(rows.map(([argument, { name }]) => [argument, name ?? argument]));
  return path.replace(/\{([^}]*)\}/g, (_, argument: string) => `{${names.get(argument)}}`);
}

function toParameter([argument, parameter]: Row): Parameter | undefined {
  if (parameter.in === "body") return undefined;
  return {
    argument,
    wire: parameter.name ?? argument,
    in: parameter.in,
    required: parameter.required,
    style: parameter.in === "query" ? "form" : "simple",
    explode: parameter.in === "query",
    join: parameter.join,
    default: parameter.default,
  };
}

function toBody(rows: readonly Row[]): BodyPlan | undefined {
  const members = rows.filter(([, parameter]) => parameter.in === "body");
  if (members.length === 0) return undefined;
  const wire = ([argument, { name }]: Row) => name ?? argument;
  return {
    mediaType: "application/json",
    required: members.some(([, parameter]) => parameter.required),
    members: Object.fromEntries(members.map((row) => [row[0], wire(row)])),
    defaults: Object.fromEntries(
      members.flatMap((row) => row[1].default === undefined ? [] : [[wire(row), row[1].default]]),
    ),
  };
}
