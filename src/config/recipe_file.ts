/**
 * Finds a recipe, built in or in a file, and checks its shape. Every error names its place in the
 * recipe and the expectation. Not here: the rules beyond the shape (recipe_checks.ts), and what a
 * recipe becomes (rest_server.ts).
 */
import * as v from "valibot";
import { builtInRecipes } from "./built_in.ts";
import { appendKey, ConfigError, describeKind, describeWord, toldMax } from "./config_error.ts";
import { parseText } from "./json_text.ts";
import { folderOf } from "./path.ts";
import { type RecipeFile, recipeSchema } from "./recipe.ts";
import type { FileContext, Texts } from "./texts.ts";

/** A recipe with a valid shape, and the context for its own texts. */
export interface FoundRecipe {
  readonly file: RecipeFile;
  readonly inside: FileContext;
}

/**
 * Finds the recipe that `recipe` names; undefined, and a problem in `texts`, if it cannot be used.
 */
export async function findRecipe(
  given: string,
  texts: Texts,
  context: FileContext,
): Promise<FoundRecipe | undefined> {
  const before = texts.problems.length;
  const name = texts.plain("recipe", given).trim();
  if (texts.problems.length > before) return undefined;
  const builtIn = builtInRecipes.get(name);
  if (builtIn !== undefined) {
    return checkShape(builtIn, { ...context, file: `recipe ${name}`, isBuiltIn: true }, texts);
  }
  if (!/\/|\.jsonc?$/.test(name)) {
    const names = [...builtInRecipes.keys()].map((one) => JSON.stringify(one)).join(", ");
    texts.refuse("recipe", `expected ${names} or the path of a file such as ./mine.json`);
    return undefined;
  }
  const path = texts.place("recipe", name);
  context.files.add(path);
  const text = await readTextOf("recipe", path, texts, context);
  if (text === undefined) return undefined;
  const file = path.slice(path.lastIndexOf("/") + 1);
  try {
    const { value, repeated } = await parseText(text, file);
    for (const key of repeated) {
      context.warnings.push(
        `Ignored the first ${key} of ${file}: the key appears twice, and the last one counts`,
      );
    }
    return checkShape(value, { ...context, file, folder: folderOf(path) }, texts);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    texts.refuse("recipe", thrown.message);
    return undefined;
  }
}

/** The text of a file that `key` names; undefined, and a problem in `texts`, if there is none. */
export async function readTextOf(
  key: string,
  path: string,
  texts: Texts,
  { readText, file }: FileContext,
): Promise<string | undefined> {
  try {
    const text = await readText(path);
    if (text === undefined) {
      const problem =
        `no such file; correct the path (relative paths start at the folder of ${file})`;
      texts.refuse(key, problem);
    }
    return text;
  } catch {
    texts.refuse(key, "the file cannot be read; check its permissions");
    return undefined;
  }
}

/**
 * Keys whose wrong value may be shown: a word of a short list, or a name. A path may contain an API
 * key.
 */
const shownKeys: ReadonlySet<unknown> = new Set(["in", "method", "name", "type"]);

function checkShape(
  value: unknown,
  inside: FileContext,
  texts: Texts,
): FoundRecipe | undefined {
  const checked = v.safeParse(recipeSchema, value);
  if (checked.success) return { file: checked.output, inside };
  texts.problems.push(
    ...checked.issues.slice(0, toldMax).map((issue) => explain(issue, inside.file)),
  );
  return undefined;
}

function explain(issue: v.BaseIssue<unknown>, file: string): string {
  const path = issue.path ?? [];
  const key = path.reduce(
    (path, { key }) => appendKey(path, typeof key === "number" ? key : String(key)),
    "",
  );
  const expected = `${key === "" ? "the recipe" : key} in ${file}: expected ${issue.message}`;
  // For an unknown key, and for a value of the right type, the expectation says enough.
  if (issue.expected === "never") return expected;
  if (typeof issue.input === "string" && shownKeys.has(path.at(-1)?.key)) {
    return `${expected}, got ${describeWord(issue.input)}`;
  }
  return issue.kind === "schema" ? `${expected}, got ${describeKind(issue.input)}` : expected;
}
