/**
 * How credentials are written, in `mcp.json` and in recipes. The message of each schema is the
 * expectation that a person reads. Not here: what becomes of them (credentials.ts).
 */
import * as v from "valibot";

const text = v.pipe(v.string("a string"), v.nonEmpty("a string that is not empty"));
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An object that is no list, with these keys alone. */
function only<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, `no keys but ${Object.keys(entries).join(", ")}`);
}

const secretExpected = "a string, or an object with file";
/** A text, or the file in which it stands. */
export const secretSchema = v.union([
  text,
  v.pipe(
    v.custom<Record<string, unknown>>(isObject, secretExpected),
    v.strictObject({ file: text }, secretExpected),
  ),
], secretExpected);

/** Secrets by name; a Map, since a record would drop names such as `constructor`. */
export const secretsSchema = v.pipe(
  v.custom<Record<string, unknown>>(isObject, "an object of strings"),
  v.transform((members) => new Map<unknown, unknown>(Object.entries(members))),
  v.map(v.string("a name"), secretSchema, "an object of strings"),
);

const kinds = [
  only({ type: v.literal("none") }),
  only({
    type: v.literal("api_key"),
    in: v.picklist(["header", "query", "cookie"], '"header", "query" or "cookie"'),
    name: text,
    prefix: v.optional(text),
    key: secretSchema,
  }),
  only({ type: v.literal("bearer"), token: secretSchema }),
  only({ type: v.literal("basic"), username: secretSchema, password: secretSchema }),
  only({ type: v.literal("headers"), headers: secretsSchema }),
  only({
    type: v.literal("oauth2"),
    grant: v.optional(
      v.picklist(
        ["client_credentials", "refresh_token"],
        '"client_credentials" or "refresh_token"',
      ),
      "client_credentials",
    ),
    issuer: v.optional(text),
    tokenUrl: v.optional(text),
    clientId: secretSchema,
    clientSecret: v.optional(secretSchema),
    clientAuthentication: v.optional(v.picklist(["basic", "post"], '"basic" or "post"'), "basic"),
    refreshToken: v.optional(secretSchema),
    scope: v.optional(text),
    resource: v.optional(text),
  }),
] as const;

const expected = 'an object with type "none", "api_key", "bearer", "basic", "headers" or "oauth2"';

/** One server's credentials. */
export const credentialsSchema = v.pipe(
  v.custom<Record<string, unknown>>(isObject, expected),
  v.variant("type", kinds, expected),
);

/** Credentials as they are written: texts may hold `${NAME}`. */
export type CredentialsEntry = v.InferOutput<typeof credentialsSchema>;
