/**
 * The format of credentials in recipes and in `mcp.json`. In `mcp.json` they may also say what
 * happens to calls while credentials are unavailable, and how a program gets them. The message of
 * each schema is the expectation that users read. Not here: how they are used
 * (credentials_entry.ts).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { nearestName } from "./nearest.ts";
import { clientAlgorithms, clientAuthentications, subjectTokenTypes } from "./oauth_config.ts";

const text = v.pipe(v.string("a string"), v.nonEmpty("a string that is not empty"));

/** An object with these keys only. */
export function only<Entries extends v.ObjectEntries>(entries: Entries) {
  const known = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    const key = String(issue.path?.at(-1)?.key);
    if (issue.expected !== "never") return expectationOf(entries[key]) ?? "a value for this key";
    const near = nearestName(key, known);
    const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
    return `no keys but ${known.join(", ")}${advice}`;
  });
}

/** The same of a value that may be a list, which would be an object without keys. */
export function onlyObject<Entries extends v.ObjectEntries>(entries: Entries, expected: string) {
  return v.pipe(v.custom<Record<string, unknown>>(isJsonObject, expected), only(entries));
}

/** The expectation of a schema. */
function expectationOf(schema: v.ObjectEntries[string] | undefined): string | undefined {
  const message = schema !== undefined && "message" in schema ? schema.message : undefined;
  return typeof message === "string" ? message : undefined;
}

const secretExpected = "a string, or an object with file";
/** A text, or the file that contains it. */
export const secretSchema = v.union([
  text,
  v.pipe(
    v.custom<Record<string, unknown>>(isJsonObject, secretExpected),
    v.strictObject({ file: text }, secretExpected),
  ),
], secretExpected);

/** Secrets by name; a Map, since a record would drop names such as `constructor`. */
export const secretsSchema = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, "an object of strings"),
  v.transform((members) => new Map<unknown, unknown>(Object.entries(members))),
  v.map(v.string("a name"), secretSchema, "an object of strings"),
);

const isTrueOrFalse = "true or false";

/** How the gateway authenticates to an authorization server. */
const client = {
  clientId: secretSchema,
  clientSecret: v.optional(secretSchema),
  clientAuthentication: v.optional(oneOf(clientAuthentications), "basic"),
  privateKey: v.optional(secretSchema),
  algorithm: v.optional(oneOf(clientAlgorithms)),
  keyId: v.optional(text),
};

/** What is requested of an authorization server. */
const target = {
  issuer: v.optional(text),
  scope: v.optional(text),
  resource: v.optional(text),
  dpop: v.optional(v.boolean(isTrueOrFalse)),
};

const identityProviderExpected = "an object with issuer or tokenUrl, and clientId";

/** One of these names, which the expectation lists. */
function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  const shown = names.map((name) => JSON.stringify(name));
  return v.picklist(names, `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`);
}

/** All kinds, each with `more` keys next to its own. */
function kindsWith<More extends v.ObjectEntries>(more: More) {
  return [
    only({ type: v.literal("none") }),
    only({
      type: v.literal("api_key"),
      in: v.picklist(["header", "query", "cookie"], '"header", "query" or "cookie"'),
      name: text,
      prefix: v.optional(text),
      key: secretSchema,
      ...more,
    }),
    only({ type: v.literal("bearer"), token: secretSchema, ...more }),
    only({ type: v.literal("basic"), username: secretSchema, password: secretSchema, ...more }),
    only({ type: v.literal("headers"), headers: secretsSchema, ...more }),
    only({
      type: v.literal("oauth2"),
      grant: v.optional(
        v.picklist(
          ["client_credentials", "refresh_token"],
          '"client_credentials" or "refresh_token"',
        ),
        "client_credentials",
      ),
      ...client,
      ...target,
      tokenUrl: v.optional(text),
      refreshToken: v.optional(secretSchema),
      ...more,
    }),
    only({
      type: v.literal("enterprise"),
      ...client,
      ...target,
      identityProvider: onlyObject(
        { ...client, issuer: v.optional(text), tokenUrl: v.optional(text) },
        identityProviderExpected,
      ),
      subjectToken: secretSchema,
      subjectTokenType: v.optional(oneOf(subjectTokenTypes), "id_token"),
      ...more,
    }),
    only({
      type: v.literal("workload"),
      ...target,
      tokenUrl: v.optional(text),
      assertion: secretSchema,
      clientId: v.optional(secretSchema),
      ...more,
    }),
  ] as const;
}

const expected = 'an object with type "none", "api_key", "bearer", "basic", "headers", "oauth2", ' +
  '"enterprise" or "workload"';

/** Credentials in a recipe. */
export const credentialsSchema = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, expected),
  v.variant("type", kindsWith({}), expected),
);

const variableExpected = "the name of an environment variable";
const variableName = v.pipe(
  v.string(variableExpected),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, variableExpected),
);
const variablesExpected = "the name of an environment variable, or names for username and password";

/** The credentials of one server in `mcp.json`. */
export const serverCredentialsSchema = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, expected),
  v.variant(
    "type",
    kindsWith({
      /** What happens to a call while they are unavailable. */
      onFailure: v.optional(v.picklist(["reject", "anonymous"], '"reject" or "anonymous"')),
      /** The API's data is public, so an unauthenticated call does no harm. */
      public: v.optional(v.boolean(isTrueOrFalse)),
      anonymousTools: v.optional(v.array(text, "a list of tool names")),
      /** The environment variables in which a program finds them. */
      env: v.optional(
        v.union([
          variableName,
          v.pipe(
            v.custom<Record<string, unknown>>(isJsonObject, variablesExpected),
            v.strictObject(
              { username: v.optional(variableName), password: v.optional(variableName) },
              variablesExpected,
            ),
          ),
        ], variablesExpected),
      ),
    }),
    expected,
  ),
);

/** Credentials as in a recipe: texts may contain `${NAME}`. */
export type CredentialsEntry = v.InferOutput<typeof credentialsSchema>;

/** The same in `mcp.json`; every one of them is a `CredentialsEntry` with more keys. */
export type ServerCredentialsEntry = v.InferOutput<typeof serverCredentialsSchema>;
