/** The built-in recipes, by the name that `recipe` takes. */
import coingecko from "../recipes/coingecko.json" with { type: "json" };
import opensubtitles from "../recipes/opensubtitles.json" with { type: "json" };

/** Name → the recipe as in its file. */
export const builtInRecipes: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["coingecko", coingecko],
  ["opensubtitles", opensubtitles],
]);
