/**
 * Credentials for a local program. Each start of the program sets them in its environment, as they
 * are at that moment. If they are unavailable, the program is not started. The configuration names
 * the variables; the values are written nowhere else.
 */
import type { ChildCredentials } from "../config/config.ts";
import { sharedUse } from "../outgoing/authorization.ts";
import { createAuthorization } from "./credential_kinds.ts";
import { type CredentialDeps, type CredentialFailure, refuse } from "./provider.ts";
import { createSecretReader, type WantedSecret } from "./secret.ts";

/** Returns the variables for a start; never rejects. */
export type GetVariables = (
  signal: AbortSignal,
) => Promise<{ readonly variables: Readonly<Record<string, string>> } | CredentialFailure>;

/** Makes it for one server; nothing is read yet. */
export function createChildVariables(
  server: string,
  { credentials, variables }: ChildCredentials,
  deps: CredentialDeps,
): GetVariables {
  const { value, username, password } = variables;
  const read = createSecretReader(deps);
  const readAll = (...named: (readonly [string | undefined, WantedSecret])[]): GetVariables => {
    const wanted = named.filter((pair): pair is [string, WantedSecret] => pair[0] !== undefined);
    return async (signal) => {
      const found = await read(wanted.map(([, one]) => one), signal);
      if ("problem" in found) return found;
      const pairs = wanted.map(([name], index) => [name, found.texts[index] ?? ""] as const);
      return { variables: Object.fromEntries(pairs) };
    };
  };
  switch (credentials.type) {
    case "api_key": {
      const wanted = { secret: credentials.key, key: "credentials.key", place: "query" } as const;
      return readAll([value, wanted]);
    }
    case "bearer": {
      const wanted = {
        secret: credentials.token,
        key: "credentials.token",
        place: "token",
      } as const;
      return readAll([value, wanted]);
    }
    case "basic": {
      const { username: name, password: secret } = credentials;
      return readAll(
        [username, { secret: name, key: "credentials.username", place: "username" }],
        [password, { secret, key: "credentials.password", place: "password" }],
      );
    }
    default:
      return createFromToken(server, { credentials, variables }, deps);
  }
}

/** The token that a server would get. */
function createFromToken(
  server: string,
  { credentials, variables }: ChildCredentials,
  deps: CredentialDeps,
): GetVariables {
  const authorization = createAuthorization({ server, credentials }, deps);
  return async (signal) => {
    const credential = await authorization.get(sharedUse, signal);
    if (credential.state !== "ready") return refuse(credential.problem);
    const token = (credential.context.headers["authorization"] ?? "").replace(/^Bearer /, "");
    const { value } = variables;
    return { variables: value === undefined || token === "" ? {} : { [value]: token } };
  };
}
