/** A recipe as a service. */
import type { RestServerConfig } from "../../config/config.ts";
import type { Recipe } from "../../config/recipe.ts";
import type { Service } from "./service.ts";

/** What the engine runs of a recipe. */
export function toService(recipe: Recipe, { baseUrl }: RestServerConfig): Service {
  return {
    title: recipe.title,
    version: recipe.version,
    instructions: recipe.description,
    baseUrl: (baseUrl ?? recipe.baseUrl).replace(/\/+$/, ""),
    budget: recipe.budget,
    operations: [],
    leftOut: [],
    errorMessages: recipe.errorMessage === undefined ? [] : [recipe.errorMessage],
  };
}
