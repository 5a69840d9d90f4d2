/** The keys of a web API in `mcp.json`, for each of its two forms. */
import * as v from "valibot";
import { baseUrl, credentials, filledText, headers } from "./key_schemas.ts";
import type { FormEntry } from "./server_kind.ts";

/** The keys of an entry that names a recipe. */
export const recipeEntries = {
  recipe: v.optional(filledText),
  variant: v.optional(filledText),
  baseUrl,
  headers,
  credentials,
};

/** The keys of an entry that names an OpenAPI document. */
export const openApiEntries = { openapi: v.optional(filledText), baseUrl, headers, credentials };

/** The checked values of an entry that names a recipe. */
export type RecipeEntry = FormEntry<typeof recipeEntries>;

/** The checked values of an entry that names an OpenAPI document. */
export type OpenApiEntry = FormEntry<typeof openApiEntries>;
