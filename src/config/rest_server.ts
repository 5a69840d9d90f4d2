/**
 * A web API that a recipe describes, built in or from a file. The whole recipe is read here.
 * Settings in `mcp.json` override those of the recipe.
 */
import type {
  CredentialsConfig,
  LoginConfig,
  RestServerConfig,
  Secret,
  ToolFilter,
} from "./config.ts";
import { appendKey, describeWord } from "./config_error.ts";
import {
  headersSent,
  readCredentials,
  readFallback,
  refuseTelling,
  warnOfFiles,
} from "./credentials_entry.ts";
import { readSecret } from "./secret_entry.ts";
import type { CredentialsEntry } from "./credentials_schema.ts";
import { nearestName } from "./nearest.ts";
import type { Recipe, RecipeFile } from "./recipe.ts";
import { checkRecipe } from "./recipe_checks.ts";
import { findRecipe } from "./recipe_file.ts";
import { readHeaders } from "./remote_server.ts";
import type { RecipeEntry } from "./rest_keys.ts";
import type { EntryReading, OwnPart } from "./server_kind.ts";
import { createTexts, type FileContext, type Texts } from "./texts.ts";
import { isOffered } from "./tool_filter.ts";
import { readBaseUrl } from "./web_url.ts";

type RestPart = OwnPart<RestServerConfig>;

/** Reads the keys of a server with a recipe. */
export async function readRecipeServer(
  entry: RecipeEntry,
  { tools, texts, context }: EntryReading,
): Promise<RestPart | undefined> {
  const found = await findRecipe(entry.recipe ?? "", texts, context);
  if (found === undefined) return undefined;
  const { file, inside } = found;
  const ownTexts = createTexts("", inside);
  const refuse = (key: string, problem: string) => ownTexts.refuse(key, problem);
  checkRecipe(file, refuse);
  checkOffered(file, tools, texts);
  const variant = chooseVariant(entry.variant, file, texts, context.env);
  const [theirs, own] = [
    readHeaders(new Map(Object.entries(file.headers)), ownTexts),
    readHeaders(entry.headers, texts),
  ];
  const login = readLogin(file.login, ownTexts, context.env);
  const credentials = entry.credentials === undefined
    ? await readRecipeCredentials(file, variant, ownTexts, inside)
    : await readOwnCredentials(entry, texts, context);
  const shown = [...headersSent(credentials), ...headersSent(login)];
  refuseBeside(shown, own, texts);
  // Credentials in mcp.json replace those of the recipe; a recipe must be consistent.
  if (entry.credentials === undefined) refuseBeside(shown, theirs, ownTexts);
  else for (const name of shown) delete theirs[name];
  const part: RestPart = {
    kind: "rest",
    source: { type: "recipe", recipe: toRecipe(file, variant, ownTexts) },
    baseUrl: readOwnBase(entry, texts),
    headers: { ...theirs, ...own },
    credentials,
    anonymousTools: readAnonymous(entry, file, texts, context),
    login,
  };
  refuseTelling(part.headers, part.anonymousTools, texts);
  if (ownTexts.problems.length === 0) await warnOfFiles(login, "login", ownTexts, inside);
  texts.problems.push(...ownTexts.problems);
  return part;
}

/** The base URL that `mcp.json` itself gives. */
export function readOwnBase(
  { baseUrl }: Pick<RecipeEntry, "baseUrl">,
  texts: Texts,
): string | undefined {
  return baseUrl === undefined ? undefined : readBaseUrl("baseUrl", baseUrl, texts);
}

/** The credentials that `mcp.json` itself gives. */
export function readOwnCredentials(
  { credentials }: Pick<RecipeEntry, "credentials">,
  texts: Texts,
  context: FileContext,
): Promise<CredentialsConfig> {
  return readShown(credentials, "credentials", texts, context);
}

/** The recipe's credentials: those of the variant, or else its own. */
function readRecipeCredentials(
  file: RecipeFile,
  variant: Variant | undefined,
  texts: Texts,
  context: FileContext,
): Promise<CredentialsConfig> {
  return variant?.credentials === undefined
    ? readShown(file.credentials, "credentials", texts, context)
    : readShown(variant.credentials, `${whereIs(variant, file)}.credentials`, texts, context);
}

async function readShown(
  entry: CredentialsEntry | undefined,
  key: string,
  texts: Texts,
  context: FileContext,
): Promise<CredentialsConfig> {
  const credentials = readCredentials(entry, key, texts);
  if (texts.problems.length === 0) await warnOfFiles(credentials, key, texts, context);
  return credentials;
}

/** Refuses headers that the credentials set, too. */
export function refuseBeside(shown: readonly string[], headers: Headers, texts: Texts): void {
  for (const name of shown) {
    if (!Object.hasOwn(headers, name)) continue;
    texts.refuse(appendKey("headers", name), "is set by credentials, too; remove one of them");
  }
}

/** A filter that leaves nothing is a mistake. */
function checkOffered({ endpoints }: RecipeFile, tools: ToolFilter, texts: Texts): void {
  const names = endpoints.map(({ name }) => name);
  if (names.some((name) => isOffered(tools, name))) return;
  const some = names.slice(0, 3).map((name) => JSON.stringify(name)).join(", ");
  texts.refuse(
    "tools",
    `chooses none of its ${names.length} tools; they have names such as ${some}`,
  );
}

/** The tools that may be called without credentials; each must be one of the recipe's. */
function readAnonymous(
  { credentials }: Pick<RecipeEntry, "credentials">,
  { endpoints }: RecipeFile,
  texts: Texts,
  context: FileContext,
): readonly string[] | undefined {
  const tools = readFallback(credentials, "credentials", texts, context, "rest");
  const names = endpoints.map(({ name }) => name);
  for (const [index, tool] of (tools ?? []).entries()) {
    if (names.includes(tool)) continue;
    const near = nearestName(tool, names);
    const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
    texts.refuse(
      appendKey("credentials.anonymousTools", index),
      `expected the name of one of its tools, got ${describeWord(tool)}${advice}`,
    );
  }
  return tools;
}

type Environment = FileContext["env"];
type Headers = Readonly<Record<string, string>>;
type Variant = RecipeFile["variants"][number];

function whereIs(variant: Variant, { variants }: RecipeFile): string {
  return appendKey("variants", variants.indexOf(variant));
}

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
  const baseUrl = variant?.baseUrl === undefined
    ? readBaseUrl("baseUrl", file.baseUrl, texts)
    : readBaseUrl(`${whereIs(variant, file)}.baseUrl`, variant.baseUrl, texts);
  return {
    title,
    description,
    version,
    baseUrl: baseUrl ?? "",
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
    const problem = `needs a log-in for this; set ${
      missing.join(" and ")
    } in the environment or .env, and restart`;
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
