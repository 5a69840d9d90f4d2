/** The recipes that come with the gateway, by the name that `recipe` calls them by. */
import coingecko from "../recipes/coingecko.json" with { type: "json" };
import opensubtitles from "../recipes/opensubtitles.json" with { type: "json" };

/** Name -> the recipe as its file says it. */
export const builtInRecipes: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["coingecko", coingecko],
  ["opensubtitles", opensubtitles],
]);
