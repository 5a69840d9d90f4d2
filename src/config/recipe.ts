/**
 * A recipe describes a web API as data, so that its endpoints become tools without code. These
 * schemas define the format; `recipe.schema.json` says the same for editors (a test compares the
 * two). Texts may contain `${NAME}`, which rest_server.ts replaces. The message of each schema is
 * the expectation that users read. Not here: how a recipe is used (upstream/rest/).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import { credentialsSchema, only, secretsSchema } from "./credentials_schema.ts";

const text = v.pipe(v.string("a string"), v.nonEmpty("a string that is not empty"));
const flag = v.boolean("true or false");
const count = (expected: string) =>
  v.pipe(v.number(expected), v.integer(expected), v.minValue(1, expected));
const milliseconds = (least: 0 | 1) => {
  const expected = `a whole number of milliseconds from ${least} to ${defaultLimits.timerMsMax}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(defaultLimits.timerMsMax, expected),
  );
};
const object = v.custom<Record<string, unknown>>(isJsonObject, "an object");
const anyName: v.GenericSchema<string> = v.string("a name");
/** Goes through a Map, since a valibot record drops names such as `constructor`. */
const recordOf = <Value extends v.GenericSchema>(value: Value, name = anyName) =>
  v.pipe(
    object,
    v.transform((members) => new Map<unknown, unknown>(Object.entries(members))),
    v.map(name, value, "an object"),
    v.transform((members) => Object.fromEntries(members)),
  );
const strict = <Entries extends v.ObjectEntries>(entries: Entries) => v.pipe(object, only(entries));

const name = v.pipe(
  v.string("a name of letters, digits, _ and -"),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, "a name of 1 to 64 letters, digits, _ and -"),
);

/** Clients pass arguments on to models, which accept no other names. */
const argument = v.pipe(
  v.string("a name of letters, digits, _, . and -"),
  v.regex(/^[A-Za-z0-9_.-]{1,64}$/, "a name of 1 to 64 letters, digits, _, . and -"),
);
const pathExpected = "a path that begins with /, without ?, #, .. and empty parts";
const path = v.pipe(
  v.string("a path that begins with /"),
  v.regex(/^\/(?:(?!\.{1,2}(?:\/|$))(?:[^/?#{}\\\s]|\{[^/?#{}\\\s]+\})+(?:\/|$))*$/, pathExpected),
);
const hostExpected = "a host such as api.example.com or api.example.com:8443";
const host = v.pipe(v.string(hostExpected), v.regex(/^[^\s/?#@]+$/, hostExpected));

/** Environment variable → the value it must have, or `true` for any non-empty value. */
const condition = recordOf(v.union([text, v.literal(true)], "a string, or true"));

const budget = strict({
  requests: count("a whole number of requests, at least 1"),
  perMs: milliseconds(1),
});

/** Values that apply only if a condition holds; the first variant whose condition holds is used. */
const variant = strict({
  name,
  when: v.optional(condition),
  baseUrl: v.optional(text),
  credentials: v.optional(credentialsSchema),
  budget: v.optional(budget),
});

const login = strict({
  /** Until it holds, calls that need the log-in fail and name the variables to set. */
  when: v.optional(condition),
  path,
  body: secretsSchema,
  token: text,
  baseUrl: v.optional(text),
  hosts: v.optional(v.array(host, "a list of hosts"), []),
  header: v.optional(text, "authorization"),
  prefix: v.optional(v.string("a string"), "Bearer "),
  lifetimeMs: milliseconds(1),
});

const parameter = strict({
  in: v.picklist(["path", "query", "header", "body"], '"path", "query", "header" or "body"'),
  /** The name in the request, if it differs from the argument's. */
  name: v.optional(text),
  required: v.optional(flag, false),
  /** JSON Schema of the argument, with its description. */
  schema: object,
  /**
   * How to write a list: one text with this separator; absent: the name is repeated for each item.
   */
  join: v.optional(v.string("a string")),
  /** The value to send if the argument is absent. */
  default: v.optional(v.unknown()),
});

const pagination = v.pipe(
  object,
  v.variant("type", [
    /** The page number; `pages`: where the answer has the number of pages (JMESPath). */
    only({
      type: v.literal("page"),
      parameter: name,
      first: v.optional(
        v.pipe(v.number("a whole number"), v.integer("a whole number")),
        1,
      ),
      pages: v.optional(text),
      /** The argument with the number of items in a page: a shorter page is the last one. */
      size: v.optional(name),
      sizeDefault: v.optional(count("a whole number, at least 1")),
    }),
    /** How many items to skip. */
    only({
      type: v.literal("offset"),
      parameter: name,
      size: name,
      sizeDefault: count("a whole number, at least 1"),
      total: v.optional(text),
    }),
    /** `next`: where the answer has the next cursor (JMESPath). */
    only({ type: v.literal("cursor"), parameter: name, next: text }),
  ], 'an object with type "page", "offset" or "cursor"'),
);

const endpoint = strict({
  name,
  title: v.optional(text),
  description: text,
  method: v.optional(
    v.picklist(
      ["GET", "POST", "PUT", "PATCH", "DELETE"],
      '"GET", "POST", "PUT", "PATCH" or "DELETE"',
    ),
    "GET",
  ),
  /** The path after the base URL; `{name}` is replaced by a parameter with `in: "path"`. */
  path,
  parameters: v.optional(recordOf(parameter, argument), {}),
  pagination: v.optional(pagination),
  /** The part of the answer to return (JMESPath); `raw: true` returns everything. */
  projection: v.optional(text),
  /** JSON Schema of the result. */
  outputSchema: v.optional(object),
  cacheMs: v.optional(milliseconds(0), 0),
  /** Whether calling twice has the effect of calling once; absent: as HTTP defines the method. */
  repeatable: v.optional(flag),
  /** Whether a call changes nothing; absent: true for GET only. */
  readOnly: v.optional(flag),
  login: v.optional(flag, false),
});

const endpointsMax = defaultLimits.recipeEndpointsMax;

/** The whole file. */
export const recipeSchema = strict({
  $schema: v.optional(v.string("a string")),
  title: text,
  description: text,
  /** Where the API is documented. */
  source: v.optional(text),
  version: v.optional(text),
  baseUrl: text,
  headers: v.optional(recordOf(v.string("a string")), {}),
  credentials: v.optional(credentialsSchema),
  budget: v.optional(budget),
  variants: v.optional(v.array(variant, "a list of variants"), []),
  login: v.optional(login),
  /** Where an error response has its message (JMESPath). */
  errorMessage: v.optional(text),
  endpoints: v.pipe(
    v.array(endpoint, "a list of endpoints"),
    v.minLength(1, "at least one endpoint"),
    v.maxLength(endpointsMax, `at most ${endpointsMax} endpoints`),
  ),
});

/** A recipe as in its file. */
export type RecipeFile = v.InferOutput<typeof recipeSchema>;

/** One endpoint of it. */
export type RecipeEndpoint = RecipeFile["endpoints"][number];

/** A recipe in its final form: variant chosen, texts replaced, credentials separated. */
export interface Recipe {
  readonly title: string;
  readonly description: string;
  readonly version: string | undefined;
  readonly baseUrl: string;
  readonly budget: { readonly requests: number; readonly perMs: number } | undefined;
  readonly errorMessage: string | undefined;
  readonly endpoints: readonly RecipeEndpoint[];
}
