/** The keys of a server that is run by its command. */
import * as v from "valibot";
import { credentials, filledText, flag, mapOf, text, texts } from "./key_schemas.ts";
import { connectionEntries } from "./mcp_server.ts";

const variableName = v.pipe(
  v.string("the name of an environment variable"),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of an environment variable"),
);

const env = v.optional(
  mapOf(
    v.union([text, v.number(), v.boolean(), v.null()], "a string"),
    "an object of strings",
  ),
);

/** Every key is optional here; the reader reports a missing command. */
export const localEntries = {
  command: v.optional(filledText),
  ...connectionEntries,
  args: v.optional(texts),
  env,
  cwd: v.optional(filledText),
  inheritEnv: v.optional(v.array(variableName, "a list of names")),
  spare: v.optional(flag),
  credentials,
};

/** The child's own variables as the entry gives them; null removes one. */
export type EnvEntry = v.InferOutput<typeof env>;
