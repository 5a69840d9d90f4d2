/**
 * The bodies of stored grants, codes and tokens, checked when they are read. A row that does not
 * have its form, such as one of a later version, counts as absent.
 */
import * as v from "valibot";
import type { JsonObject } from "../model.ts";

const texts = v.array(v.string());
const surface = v.optional(v.string());
const time = v.optional(v.number());

const grantSchema = v.object({
  name: v.string(),
  /** Whether the principal is a person's, or a machine's client. */
  kind: v.picklist(["user", "client", "external"]),
  roles: texts,
  groups: texts,
  scopes: texts,
  surface,
});

const codeSchema = v.object({
  client: v.string(),
  redirectUri: v.string(),
  challenge: v.string(),
  grant: grantSchema,
  usedAt: time,
});

const tokenSchema = v.object({ scopes: texts, surface, usedAt: time });

/** What was granted, and to whom. */
export type GrantBody = v.InferOutput<typeof grantSchema>;

/** What a code stands for; `usedAt`: it was redeemed. */
export type CodeBody = v.InferOutput<typeof codeSchema>;

/** An access or refresh token; `usedAt`: a refresh token led to a successor. */
export type TokenBody = v.InferOutput<typeof tokenSchema>;

function reader<Schema extends v.GenericSchema>(schema: Schema) {
  return (body: JsonObject): v.InferOutput<Schema> | undefined => {
    const parsed = v.safeParse(schema, body);
    return parsed.success ? parsed.output : undefined;
  };
}

/** Reads the body of a grant. */
export const readGrant = reader(grantSchema);

/** Reads the body of a code. */
export const readCode = reader(codeSchema);

/** Reads the body of an access or refresh token. */
export const readToken = reader(tokenSchema);
