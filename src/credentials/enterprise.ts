/**
 * Enterprise-managed authorization (SEP-990): the enterprise's identity provider exchanges what it
 * issued to a user for an assertion (ID-JAG; token exchange, RFC 8693), and the authorization server
 * of the MCP server exchanges that for a token (`jwt-bearer`: RFC 7523, 2.1). The assertion is used
 * once and never stored, so an expired one is never sent.
 */
import type { EnterpriseConfig } from "../config/config.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import { type ClientTexts, identify, UnusableKey } from "./client_identity.ts";
import { createIssuer } from "./issuer.ts";
import { type CredentialDeps, type Provider, type ProviderOptions, refuse } from "./provider.ts";
import type { SecretTexts } from "./secret.ts";
import type { FetchFailure } from "./stored_token.ts";
import { targetOf, toForm } from "./token_form.ts";
import { createTokenGrant, type FormRequest, unusableKey } from "./token_grant.ts";
import { whyRefused } from "./token_answer.ts";
import { createTokenRequests, type TokenResponse } from "./token_request.ts";
import { assertionGrant, identityOf } from "./workload.ts";

const words = "has no credentials: its identity provider";
const providerKey = "identityProvider";
const at = `credentials.${providerKey}`;

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
const assertionTokenType = "urn:ietf:params:oauth:token-type:id-jag";

/** The types of what the user has (RFC 8693, section 3), by the names of the configuration. */
const subjectTypes: Readonly<Record<EnterpriseConfig["subjectTokenType"], string>> = {
  id_token: "urn:ietf:params:oauth:token-type:id_token",
  refresh_token: "urn:ietf:params:oauth:token-type:refresh_token",
  saml2: "urn:ietf:params:oauth:token-type:saml2",
};

/** Makes the provider of one server; nothing is read or requested yet. */
export function createEnterprise(
  config: EnterpriseConfig,
  deps: CredentialDeps,
  options: Pick<ProviderOptions, "server" | "remote">,
): Provider {
  const { identityProvider: provider, subjectToken, issuer, scope, resource } = config;
  const vouch = createExchange(config, deps, options);
  return createTokenGrant(
    {
      kind: "enterprise",
      config,
      secrets: {
        clientId: { secret: config.clientId, place: "body" },
        clientSecret: { secret: config.clientSecret, place: "body" },
        privateKey: { secret: config.privateKey, place: "body" },
        subjectToken: { secret: subjectToken, place: "token" },
        [`${providerKey}.clientId`]: { secret: provider.clientId, place: "body" },
        [`${providerKey}.clientSecret`]: { secret: provider.clientSecret, place: "body" },
        [`${providerKey}.privateKey`]: { secret: provider.privateKey, place: "body" },
      },
      binding: async ({ subjectToken: subject = "", clientId, ...others }) => [
        ...[issuer, clientId, scope, resource, provider.issuer, provider.tokenUrl],
        others[`${providerKey}.clientId`],
        await identityOf(subject, deps),
      ],
      async form(request) {
        const assertion = await vouch(request);
        if (typeof assertion !== "string") return assertion;
        const { scope: wanted } = targetOf(config, request.server);
        return toForm({ grant_type: assertionGrant, assertion, scope: wanted });
      },
      advice,
    },
    deps,
    options,
  );
}

const advice = {
  invalid_grant: "refuses the assertion of the identity provider (invalid_grant); check that it " +
    "trusts this identity provider, and that both know the gateway by these client ids",
  unsupported_grant_type: "accepts no assertions (unsupported_grant_type); allow them there",
};

const exchangeAdvice = {
  invalid_grant: "refuses the user's token (invalid_grant); the user has to log in again, and " +
    "credentials.subjectToken needs the new one",
  invalid_target: "issues no assertions for this server (invalid_target); allow it there",
};

/** Gets an assertion from the identity provider. */
type Vouch = (request: FormRequest) => Promise<string | FetchFailure>;

function createExchange(
  config: EnterpriseConfig,
  deps: CredentialDeps,
  { server: name, remote }: Pick<ProviderOptions, "server" | "remote">,
): Vouch {
  const { identityProvider: rules, subjectTokenType } = config;
  const { issuer, tokenUrl = "" } = rules;
  const url = issuer ?? tokenUrl;
  const authorization = noAuthorization;
  const ask = createTokenRequests({ server: name, url, words, headers: {}, authorization }, deps);
  const find: (signal: AbortSignal) => Promise<ProviderAddress | FetchFailure> =
    issuer === undefined
      ? () => Promise.resolve({ tokenUrl })
      : createIssuer(issuer, ask, words, deps, at);
  return async ({ texts, server, signal }) => {
    const provider = await find(signal);
    if ("problem" in provider) return provider;
    // The assertion is for this authorization server and this resource alone.
    const { scope, resource = remote?.url } = targetOf(config, server);
    const form = toForm({
      grant_type: exchangeGrant,
      requested_token_type: assertionTokenType,
      subject_token: texts["subjectToken"],
      subject_token_type: subjectTypes[subjectTokenType],
      audience: server.issuer,
      resource,
      scope,
    });
    const headers: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
    };
    try {
      await identify(rules, clientOf(texts), provider, { form, headers }, deps);
    } catch (thrown) {
      if (thrown instanceof UnusableKey) return unusableKey(thrown, `${at}.privateKey`);
      throw thrown;
    }
    const request = { url: provider.tokenUrl, method: "POST", headers, body: `${form}` } as const;
    const answer = await ask(request, signal);
    return "problem" in answer ? answer : readAssertion(answer, deps);
  };
}

/** Where the identity provider is. */
interface ProviderAddress {
  readonly issuer?: string;
  readonly tokenUrl: string;
}

function clientOf(texts: SecretTexts): ClientTexts {
  return {
    clientId: texts[`${providerKey}.clientId`],
    clientSecret: texts[`${providerKey}.clientSecret`],
    privateKey: texts[`${providerKey}.privateKey`],
  };
}

/** The assertion of an answer (RFC 8693, section 2.2), or why there is none. */
function readAssertion(
  answer: TokenResponse,
  deps: Pick<CredentialDeps, "clock" | "limits" | "addSecrets">,
): string | FetchFailure {
  const { status, value } = answer;
  if (status !== 200 || value === undefined) {
    return refuseHere(whyRefused(answer, exchangeAdvice, deps, at));
  }
  const { access_token: assertion, issued_token_type: type } = value;
  if (type !== assertionTokenType || typeof assertion !== "string" || !jwt.test(assertion)) {
    return refuseHere("answers without an identity assertion (ID-JAG), which it may not support");
  }
  deps.addSecrets([assertion]);
  return assertion;
}

const jwt = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

function refuseHere(why: string): FetchFailure {
  return { ...refuse(`${words} ${why}`), isRefusal: true };
}
