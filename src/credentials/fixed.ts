/**
 * The kinds whose credential is in the configuration: none, a key, a token, a user name with a
 * password (RFC 7617), or headers. Their files are read for each call. After a refusal, a file with
 * a new value counts as a renewal.
 */
import { bytesToBase64 } from "../bytes_text.ts";
import type { CredentialsConfig } from "../config/config.ts";
import { emptyContext, type SecurityContext } from "../outgoing/authorization.ts";
import { type CredentialDeps, type Provider, type Provision, refuse } from "./provider.ts";
import { createSecretReader, type WantedSecret } from "./secret.ts";

type Of<Type extends CredentialsConfig["type"]> = Extract<
  CredentialsConfig,
  { readonly type: Type }
>;

/** No credential is sent. */
export function createNone(): Provider {
  return createFixed(() => Promise.resolve({ state: "ready", context: emptyContext }));
}

/** No credential can be sent yet. */
export function createUnset({ problem }: Of<"unset">): Provider {
  return createFixed(() => Promise.resolve(refuse(problem)));
}

/** A key in a header, the query or a cookie. */
export function createApiKey(config: Of<"api_key">, deps: CredentialDeps): Provider {
  const { in: place, name, prefix = "", key } = config;
  const wanted: readonly WantedSecret[] = [{ secret: key, key: "credentials.key", place }];
  return createRead(wanted, deps, ([text = ""]) => {
    const value = `${prefix}${text}`;
    if (place === "header") {
      return { ...emptyContext, headers: { [name.toLowerCase()]: value } };
    }
    return place === "query"
      ? { ...emptyContext, query: { [name]: value } }
      : { ...emptyContext, cookies: { [name]: value } };
  });
}

/** A token (RFC 6750). */
export function createBearer({ token }: Of<"bearer">, deps: CredentialDeps): Provider {
  const wanted: WantedSecret = { secret: token, key: "credentials.token", place: "token" };
  return createRead([wanted], deps, ([text = ""]) => toBearer(text));
}

/** A user name and password, as UTF-8. */
export function createBasic({ username, password }: Of<"basic">, deps: CredentialDeps): Provider {
  const wanted: readonly WantedSecret[] = [
    { secret: username, key: "credentials.username", place: "username" },
    { secret: password, key: "credentials.password", place: "password" },
  ];
  return createRead(wanted, deps, ([name = "", secret = ""]) => {
    const pair = toBase64(`${name}:${secret}`);
    deps.addSecrets([pair]);
    return { ...emptyContext, headers: { authorization: `Basic ${pair}` } };
  });
}

/** Any headers. */
export function createHeaders({ headers }: Of<"headers">, deps: CredentialDeps): Provider {
  const names = Object.keys(headers);
  const wanted = Object.entries(headers).map(([name, secret]): WantedSecret => ({
    secret,
    key: `credentials.headers.${name}`,
    place: "header",
  }));
  return createRead(wanted, deps, (texts) => ({
    ...emptyContext,
    headers: Object.fromEntries(texts.map((text, index) => [names[index] ?? "", text])),
  }));
}

/** How a token is sent. */
export function toBearer(token: string): SecurityContext {
  return { ...emptyContext, headers: { authorization: `Bearer ${token}` } };
}

/** The base64 of a text's UTF-8. */
function toBase64(text: string): string {
  return bytesToBase64(new TextEncoder().encode(text));
}

function createRead(
  wanted: readonly WantedSecret[],
  deps: CredentialDeps,
  toContext: (texts: readonly string[]) => SecurityContext,
): Provider {
  const read = createSecretReader(deps);
  return createFixed(async (signal) => {
    const found = await read(wanted, signal);
    return "texts" in found ? { state: "ready", context: toContext(found.texts) } : found;
  });
}

function createFixed(get: (signal: AbortSignal) => Promise<Provision>): Provider {
  return {
    get: (_use, signal) => get(signal),
    async renew(refused, _use, signal) {
      const now = await get(signal);
      return now.state === "ready" && JSON.stringify(now.context) !== JSON.stringify(refused);
    },
  };
}
