/** The kinds of credentials: a new kind is one function and one row here. */
import type { Authorization } from "../outgoing/authorization.ts";
import { createEnterprise } from "./enterprise.ts";
import { createFallback } from "./fallback.ts";
import {
  createApiKey,
  createBasic,
  createBearer,
  createHeaders,
  createNone,
  createUnset,
} from "./fixed.ts";
import { createLogin } from "./login.ts";
import { createOAuth2 } from "./oauth2.ts";
import type { CredentialDeps, Provider, ProviderOptions } from "./provider.ts";
import { createWorkload } from "./workload.ts";

/** Makes the provider of one server; nothing is read or requested yet. */
export function createAuthorization(options: ProviderOptions, deps: CredentialDeps): Authorization {
  return createFallback(createProvider(options, deps), options, deps);
}

function createProvider(options: ProviderOptions, deps: CredentialDeps): Provider {
  const { credentials } = options;
  switch (credentials.type) {
    case "none":
      return createNone();
    case "unset":
      return createUnset(credentials);
    case "api_key":
      return createApiKey(credentials, deps);
    case "bearer":
      return createBearer(credentials, deps);
    case "basic":
      return createBasic(credentials, deps);
    case "headers":
      return createHeaders(credentials, deps);
    case "oauth2":
      return createOAuth2(credentials, deps, options);
    case "enterprise":
      return createEnterprise(credentials, deps, options);
    case "workload":
      return createWorkload(credentials, deps, options);
    case "login":
      return createLogin(credentials, deps, options);
  }
}
