/**
 * What a child process sees of our environment (design §8): a short list of harmless names, the
 * names in `inheritEnv`, and its own `env`. And which values are secrets, so that the log can hide
 * them. Maps have no prototype: any name is only a name.
 */
import type { UsedVariable } from "./substitution.ts";

const passedNames = new Set(
  ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TZ", "TMPDIR"],
);
/** Shorter values would blank out half the log. */
const secretCharsMin = 6;
const secretName =
  /KEY|TOKEN|SECRET|PASS|AUTH|CREDENTIAL|COOKIE|PRIVATE|(?:^|_)(?:PAT|DSN)$|_PWD$/i;
/** An option or a header of this name is given a secret; `--keyspace` and `--author` are not. */
const secretOption =
  /(?:(?:^|[-_.]|api|access)key|(?:^|[-_.])(?:pass|pat|dsn|auth)|token|secret|passw(?:or)?d|passphrase|credentials?|authorization|cookie)$/i;
/** Names of what says who calls and grants no access by itself. */
const identifierName = /(?:^|[_-])(?:USER|USER_?NAME|LOGIN|E?_?MAIL|CLIENT_?ID)$/i;
/** Names of what says where a secret is. */
const placeName = /_(?:FILE|PATH|DIR|SOCK)$/i;
/** A place on this disk; the log is full of them. */
const path = /^(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w./\\ @:~-]*$/;
/** A password inside a URL. */
const credentialUrl = /:\/\/[^/\s@]*:[^/\s@]+@/;

/** Whether every child sees this variable of ours. */
export function isPassed(name: string): boolean {
  return passedNames.has(name) || name.startsWith("LC_");
}

/** The whole environment of a child. A null in `own` takes a variable away. */
export function buildEnvironment(
  ours: Readonly<Record<string, string>>,
  inherited: readonly string[],
  own: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  const names = new Set(inherited);
  for (const [name, value] of Object.entries(ours)) {
    if (isPassed(name) || names.has(name)) environment[name] = value;
  }
  for (const [name, value] of own) {
    if (value === null) delete environment[name];
    else environment[name] = value;
  }
  return environment;
}

/** Whether a variable or header of this name, or a text like this, may grant access. */
export function namesSecret(name: string, value: string): boolean {
  return secretName.test(name) || credentialUrl.test(value);
}

/** Whether a variable of this name, or a text like this, is to be hidden from the log. */
export function looksSecret(name: string, value: string): boolean {
  if (credentialUrl.test(value)) return true;
  const isPlace = placeName.test(name) && path.test(value);
  return secretName.test(name) && !identifierName.test(name) && !isPlace;
}

/** Whether a value that came from our environment may be seen, though its name tells nothing. */
function isOrdinary(names: readonly string[], value: string): boolean {
  return path.test(value) || names.some((name) => identifierName.test(name));
}

/** Whether a value is long enough to be hidden wherever it appears. */
export function isHideable(value: string): boolean {
  return value.trim().length >= secretCharsMin;
}

/**
 * The secrets in a value of a child's `env`: what looks secret, and what came from a variable that
 * not every child sees anyway (with what stands around it), unless it is a path or says who calls.
 */
export function secretsInVariable(
  name: string,
  value: string,
  used: readonly UsedVariable[],
): string[] {
  const isSecret = looksSecret(name, value);
  const parts = used.filter((one) =>
    !isPassed(one.name) &&
    (isSecret || looksSecret(one.name, one.value) || !isOrdinary([name, one.name], one.value))
  ).map((one) => one.value);
  return parts.length > 0 || isSecret ? [value, ...parts] : [];
}

/** The secrets in a command line: what follows an option, or stands in one, whose name says so. */
export function secretsInArguments(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const { name = "", value } = /^(?:-{1,2})?(?<name>[\w.-]+)(?:[=:]\s*(?<value>.+))?$/s.exec(word)
      ?.groups ?? {};
    if (!secretOption.test(name)) return [];
    // "Authorization: Bearer …": the scheme is not the secret.
    if (value !== undefined) return [value, value.replace(/^\S+ +/, "")];
    const next = words[index + 1];
    return !word.startsWith("-") || next === undefined || next.startsWith("-") ? [] : [next];
  });
}

/** The secrets in an argument or a path: these are shown to people, so only what looks secret. */
export function secretsInText(text: string, used: readonly UsedVariable[]): string[] {
  const parts = used.filter(({ name, value }) => looksSecret(name, value)).map(({ value }) =>
    value
  );
  return credentialUrl.test(text) ? [text, ...parts] : parts;
}
