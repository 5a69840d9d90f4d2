/**
 * A server that is a web API: a recipe, built in or from a file, or an OpenAPI document. The recipe
 * is read here as a whole; of a document only whether it is there, since reading it takes a while and
 * may need the network (upstream/rest/openapi/). What `mcp.json` says of a server wins over what its
 * recipe says.
 */
import * as v from "valibot";
import { builtInRecipes } from "./built_in.ts";
import type { CredentialsConfig, LoginConfig, RestServerConfig, Secret } from "./config.ts";
import { appendKey, ConfigError, describeKind } from "./config_error.ts";
import {
  headersShown,
  readCredentials,
  readFallback,
  readSecret,
  warnOfFiles,
} from "./credentials.ts";
import { parseJsonc } from "./jsonc.ts";
import { folderOf } from "./path.ts";
import { type Recipe, type RecipeFile, recipeSchema } from "./recipe.ts";
import { checkRecipe } from "./recipe_checks.ts";
import { readHeaders } from "./remote.ts";
import { isObject, type ServerEntry } from "./server_keys.ts";
import { createTexts, type FileContext, type Texts } from "./texts.ts";
import { readBaseUrl, readWebUrl } from "./web_url.ts";

/** What only such a server has. */
export type RestPart = Omit<
  RestServerConfig,
  "name" | "callTimeoutMs" | "startTimeoutMs" | "idleTimeoutMs" | "tools"
>;

/** Reads the keys of a server with a recipe; problems are left in `texts`. */
export async function readRecipeServer(
  entry: ServerEntry,
  texts: Texts,
  context: FileContext,
): Promise<RestPart | undefined> {
  const found = await findRecipe(entry.recipe ?? "", texts, context);
  if (found === undefined) return undefined;
  const { file, inside } = found;
  const ownTexts = createTexts("", inside);
  const refuse = (key: string, problem: string) => ownTexts.refuse(key, problem);
  checkRecipe(file, refuse);
  const variant = chooseVariant(entry.variant, file, texts, context.env);
  const credentials = variant?.credentials ?? file.credentials;
  const headers = {
    ...readHeaders(new Map(Object.entries(file.headers)), ownTexts),
    ...readHeaders(entry.headers, texts),
  };
  const part: RestPart = {
    kind: "rest",
    source: { type: "recipe", recipe: toRecipe(file, variant, ownTexts) },
    baseUrl: readOwnBase(entry, texts),
    headers,
    credentials: entry.credentials === undefined
      ? readCredentials(credentials, "credentials", ownTexts)
      : await readOwnCredentials(entry, headers, texts, context),
    anonymousTools: readFallback(entry.credentials, "credentials", texts, context, "rest"),
    login: readLogin(file.login, ownTexts, context.env),
  };
  texts.problems.push(...ownTexts.problems);
  return part;
}

/** Reads the keys of a server with an OpenAPI document; problems are left in `texts`. */
export async function readOpenApiServer(
  entry: ServerEntry,
  texts: Texts,
  context: FileContext,
): Promise<RestPart> {
  const text = texts.plain("openapi", entry.openapi ?? "").trim();
  const isUrl = /^https?:\/\//i.test(text);
  const location = isUrl
    ? readWebUrl("openapi", text, texts, "https://example.com/openapi.json") ?? ""
    : texts.place("openapi", text);
  const headers = readHeaders(entry.headers, texts);
  const stamp = isUrl ? undefined : await stampOf(location, texts, context);
  return {
    kind: "rest",
    source: { type: "openapi", location, stamp },
    baseUrl: readOwnBase(entry, texts),
    headers,
    credentials: await readOwnCredentials(entry, headers, texts, context),
    anonymousTools: readFallback(entry.credentials, "credentials", texts, context, "rest"),
    login: { type: "none" },
  };
}

function readOwnBase({ baseUrl }: ServerEntry, texts: Texts): string | undefined {
  return baseUrl === undefined ? undefined : readBaseUrl("baseUrl", baseUrl, texts);
}

/** The credentials that `mcp.json` itself gives. */
async function readOwnCredentials(
  { credentials: entry }: ServerEntry,
  headers: Readonly<Record<string, string>>,
  texts: Texts,
  context: FileContext,
): Promise<CredentialsConfig> {
  const credentials = readCredentials(entry, "credentials", texts);
  for (const name of headersShown(credentials)) {
    if (!(name in headers)) continue;
    texts.refuse(appendKey("headers", name), "stands beside credentials; remove one of them");
  }
  if (texts.problems.length === 0) await warnOfFiles(credentials, "credentials", context);
  return credentials;
}

/** Another text is another stamp. */
async function stampOf(
  path: string,
  texts: Texts,
  context: FileContext,
): Promise<string | undefined> {
  if (texts.problems.length > 0) return undefined;
  context.files.add(path);
  const text = await readFile("openapi", path, texts, context);
  if (text === undefined) return undefined;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

async function readFile(
  key: string,
  path: string,
  texts: Texts,
  { readText }: FileContext,
): Promise<string | undefined> {
  try {
    const text = await readText(path);
    if (text === undefined) texts.refuse(key, "no such file; correct the path");
    return text;
  } catch {
    texts.refuse(key, "the file cannot be read; check its permissions");
    return undefined;
  }
}

/** A recipe whose shape is right, and the context that its own texts are read in. */
async function findRecipe(
  given: string,
  texts: Texts,
  context: FileContext,
): Promise<{ readonly file: RecipeFile; readonly inside: FileContext } | undefined> {
  const name = texts.plain("recipe", given).trim();
  const builtIn = builtInRecipes.get(name);
  if (builtIn !== undefined) {
    return checkShape(builtIn, { ...context, file: `recipe ${name}` }, texts);
  }
  if (!/\/|\.jsonc?$/.test(name)) {
    const names = [...builtInRecipes.keys()].map((one) => JSON.stringify(one)).join(", ");
    texts.refuse("recipe", `expected ${names} or the path of a file such as ./mine.json`);
    return undefined;
  }
  const path = texts.place("recipe", name);
  context.files.add(path);
  const text = await readFile("recipe", path, texts, context);
  if (text === undefined) return undefined;
  const file = path.slice(path.lastIndexOf("/") + 1);
  try {
    const { value } = parseJsonc(text, file);
    return checkShape(value, { ...context, file, folder: folderOf(path) }, texts);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    texts.refuse("recipe", thrown.message);
    return undefined;
  }
}

function checkShape(value: unknown, inside: FileContext, texts: Texts) {
  const checked = v.safeParse(recipeSchema, value);
  if (checked.success) return { file: checked.output, inside };
  const [issue] = checked.issues;
  const key = (issue.path ?? []).reduce(
    (path, { key }) => appendKey(path, typeof key === "number" ? key : String(key)),
    "",
  );
  const isUnknown = issue.type === "strict_object" && issue.expected === "never";
  const got = isObject(value) && !isUnknown ? `, got ${describeKind(issue.input)}` : "";
  texts.problems.push(
    `${key === "" ? "the recipe" : key} in ${inside.file}: expected ${issue.message}${got}`,
  );
  return undefined;
}

type Environment = FileContext["env"];
type Variant = RecipeFile["variants"][number];

function chooseVariant(
  pinned: string | undefined,
  { variants }: RecipeFile,
  texts: Texts,
  env: Environment,
): Variant | undefined {
  if (pinned === undefined) return variants.find(({ when }) => missingOf(when, env).length === 0);
  const variant = variants.find(({ name }) => name === pinned);
  if (variant !== undefined) return variant;
  const names = variants.map(({ name }) => JSON.stringify(name)).join(", ");
  texts.refuse(
    "variant",
    names === "" ? "this recipe has no variants" : `expected one of ${names}`,
  );
  return undefined;
}

/** The variables of a condition that do not hold. */
function missingOf(
  when: Readonly<Record<string, string | true>> | undefined,
  env: Environment,
): string[] {
  return Object.entries(when ?? {}).filter(([name, wanted]) => {
    const value = (Object.hasOwn(env, name) ? env[name] : undefined)?.trim() ?? "";
    return wanted === true ? value === "" : value !== wanted;
  }).map(([name]) => name);
}

function toRecipe(file: RecipeFile, variant: Variant | undefined, texts: Texts): Recipe {
  const { title, description, version, budget, errorMessage, endpoints } = file;
  return {
    title,
    description,
    version,
    baseUrl: readBaseUrl("baseUrl", variant?.baseUrl ?? file.baseUrl, texts) ?? "",
    budget: variant?.budget ?? budget,
    errorMessage,
    endpoints,
  };
}

function readLogin(
  login: RecipeFile["login"],
  texts: Texts,
  env: Environment,
): CredentialsConfig {
  if (login === undefined) return { type: "none" };
  const { when, body, ...rest } = login;
  const missing = missingOf(when, env);
  if (missing.length > 0) {
    const problem = `needs a log-in for this; set ${missing.join(" and ")} in the environment`;
    return { type: "unset", problem };
  }
  const members = [...body].map(([name, given]): [string, Secret] => [
    name,
    readSecret(given, appendKey("login.body", name), "body", texts),
  ]);
  const config: LoginConfig = {
    ...rest,
    type: "login",
    body: Object.fromEntries(members),
    header: rest.header.toLowerCase(),
  };
  return config;
}
