/**
 * The two forms of a web API in `mcp.json`. The code that reads a form is loaded with its first
 * entry, which spares a gateway without web APIs the schema of recipes.
 */
import { openApiEntries, recipeEntries } from "./rest_keys.ts";
import { defineForm } from "./server_kind.ts";

/** An entry that names a recipe. */
export const recipeForm = defineForm({
  by: "recipe",
  markers: ["recipe"],
  named: "a recipe",
  entries: recipeEntries,
  read: async (entry, reading) =>
    await (await import("./rest_server.ts")).readRecipeServer(entry, reading),
});

/** An entry that names an OpenAPI document. */
export const openApiForm = defineForm({
  by: "openapi",
  markers: ["openapi"],
  named: "an openapi document",
  entries: openApiEntries,
  read: async (entry, reading) =>
    await (await import("./openapi_server.ts")).readOpenApiServer(entry, reading),
});
