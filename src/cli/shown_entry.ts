/**
 * The entry of a server as a command repeats it: without the secrets that were typed into it, which
 * would otherwise stay in the logs of scripts. References to variables stay.
 */
import { looksSecret, secretsInArguments, secretsInText } from "../config/child_environment.ts";

/** What stands in the place of a secret. */
const hidden = "…";

/** Headers of this name say what a request is, and grant no access. */
const plainHeader = /^(?:accept|accept-language|content-type|user-agent)$/i;

/** The entry with "…" in the place of each literal secret. */
export function withoutSecrets(
  entry: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key, (rules[key] ?? hideInText)(value)]),
  );
}

/** By the key of the entry. */
const rules: Readonly<Record<string, (value: unknown) => unknown>> = {
  env: (value) => hideValues(value, looksSecret),
  headers: (value) => hideValues(value, (name) => !plainHeader.test(name)),
  args: hideInArguments,
};

function hideValues(
  value: unknown,
  isSecret: (name: string, value: string) => boolean,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => [
      name,
      typeof text !== "string"
        ? text
        : isSecret(name, text)
        ? hideLiterals(text)
        : hideInText(text),
    ]),
  );
}

/** The scheme of a credential stays, and so do references. */
function hideLiterals(text: string): string {
  const [, scheme = "", rest = text] = /^((?:Basic|Bearer|Token)\s+)(.*)$/is.exec(text) ?? [];
  const parts = rest.split(/(\$\{[^}]*\})/);
  return scheme +
    parts.map((part) => part === "" || part.startsWith("${") ? part : hidden).join("");
}

function hideInArguments(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const words = value.map(String);
  const secrets = secretsInArguments(words).filter((one) => one !== "");
  return words.map((word) => {
    const secret = secrets.filter((one) => word.endsWith(one))
      .reduce((longest, one) => one.length > longest.length ? one : longest, "");
    return secret === ""
      ? hideInText(word)
      : word.slice(0, word.length - secret.length) + hideLiterals(secret);
  });
}

/** A URL with a login in it. */
function hideInText(value: unknown): unknown {
  if (typeof value !== "string" || secretsInText(value, []).length === 0) return value;
  return value.replace(
    /(:\/\/[^/\s@:]*:)([^/\s@]+)(@)/g,
    (_whole, before, secret, after) => `${before}${hideLiterals(secret)}${after}`,
  );
}
