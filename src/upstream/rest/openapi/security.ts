/**
 * What a document says about credentials (OpenAPI 3.1, sections 4.8.27 and 4.8.30). Credentials are
 * configured by the operator. The document says only which names carry them, so that they are no
 * arguments, and which `credentials` to write if there are none. It never decides that a credential
 * is sent.
 */
import type { CredentialsConfig, RestServerConfig } from "../../../config/config.ts";
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";
import type { Documents } from "./documents.ts";
import { ownHeaders, type Reserved, toPlace } from "./parameters.ts";
import { type SecurityScheme, securitySchemeShape, shaped } from "./shape.ts";
import { itemsOf, member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** The document's schemes by name; invalid ones are left out. */
export type Schemes = ReadonlyMap<string, SecurityScheme>;

/** Reads the schemes of a document. */
export function readSchemes(documents: Documents): Schemes {
  const { value, base } = documents.root;
  const given = member(member(value, "components"), "securitySchemes");
  const schemes = new Map<string, SecurityScheme>();
  for (const [name, scheme] of Object.entries(isJsonObject(given) ? given : {})) {
    try {
      const at = documents.follow({ value: scheme, base });
      schemes.set(name, shaped(securitySchemeShape, at.value, "it"));
    } catch (thrown) {
      if (!(thrown instanceof Unusable)) throw thrown;
    }
  }
  return schemes;
}

/** The places of all parameters that models must not set. */
export function reserve(
  schemes: Schemes,
  { headers, credentials, login }: RestServerConfig,
): Reserved {
  const keys = [...schemes.values()].filter((scheme) => scheme.type === "apiKey");
  return new Set([
    ...[...ownHeaders, ...Object.keys(headers)].map((name) => toPlace({ in: "header", name })),
    ...[credentials, login].flatMap(placesOf),
    ...keys.map(toPlace),
  ]);
}

function placesOf(credentials: CredentialsConfig): readonly string[] {
  switch (credentials.type) {
    case "api_key":
      return [toPlace(credentials)];
    case "headers":
      return Object.keys(credentials.headers).map((name) => toPlace({ in: "header", name }));
    case "login":
      return [toPlace({ in: "header", name: credentials.header })];
    default:
      return [];
  }
}

/**
 * The `credentials` that would satisfy these requirements (the document's, or each operation's
 * own); undefined if none are needed, or no scheme says enough.
 */
export function toHint(
  requirements: readonly unknown[],
  schemes: Schemes,
  server: string,
): JsonObject | undefined {
  const demanding = requirements.map(itemsOf).find((choices) =>
    choices.length > 0 &&
    !choices.some((choice) => isJsonObject(choice) && Object.keys(choice).length === 0)
  );
  for (const choice of demanding ?? []) {
    const names = isJsonObject(choice) ? Object.keys(choice) : [];
    const hint = toCredentials(names.map((name) => schemes.get(name)), toVariable(server));
    if (hint !== undefined) return hint;
  }
  return undefined;
}

function toCredentials(
  schemes: readonly (SecurityScheme | undefined)[],
  variable: string,
): JsonObject | undefined {
  const [first, ...others] = schemes;
  if (first === undefined) return undefined;
  if (others.length > 0) {
    const names = schemes.flatMap((scheme) =>
      scheme?.type === "apiKey" && scheme.in === "header" ? [scheme.name] : []
    );
    if (names.length < schemes.length) return undefined;
    const headers = names.map((name) => [name, `\${${toVariable(name)}}`]);
    return { type: "headers", headers: Object.fromEntries(headers) };
  }
  switch (first.type) {
    case "apiKey":
      return { type: "api_key", in: first.in, name: first.name, key: `\${${variable}_API_KEY}` };
    case "http":
      return first.scheme.toLowerCase() === "basic"
        ? {
          type: "basic",
          username: `\${${variable}_USERNAME}`,
          password: `\${${variable}_PASSWORD}`,
        }
        : { type: "bearer", token: `\${${variable}_TOKEN}` };
    case "oauth2": {
      const tokenUrl = member(member(first.flows, "clientCredentials"), "tokenUrl");
      return typeof tokenUrl === "string"
        ? toClientCredentials({ tokenUrl }, variable)
        : { type: "bearer", token: `\${${variable}_TOKEN}` };
    }
    case "openIdConnect":
      return toClientCredentials({
        issuer: first.openIdConnectUrl.split("/.well-known/", 1)[0],
      }, variable);
  }
}

function toClientCredentials(where: JsonObject, variable: string): JsonObject {
  return {
    type: "oauth2",
    ...where,
    clientId: `\${${variable}_CLIENT_ID}`,
    clientSecret: `\${${variable}_CLIENT_SECRET}`,
  };
}

/** A text as the name of an environment variable. */
function toVariable(text: string): string {
  const name = text.toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(name) ? name : `API_${name}`;
}
