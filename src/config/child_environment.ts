/**
 * The environment of a child process: a short list of harmless names, the names in `inheritEnv`,
 * and its own `env`. Also here: which values are secrets that the log must hide. The objects have
 * no prototype, so a variable may have any name.
 */
import type { UsedVariable } from "./substitution.ts";

const passedNames = new Set(
  [
    ...["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TZ", "TMPDIR"],
    // Paths of certificates: without its own authority, npx behind a filter downloads nothing.
    ...["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  ],
);
/** Those of Windows, whose programs do not start without some of them. Names there have no case. */
const windowsNames = new Set([
  ...["ALLUSERSPROFILE", "APPDATA", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "OS"],
  ...["PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)"],
  ...["SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR"],
]);
/** Hiding shorter values would blank out much of the log. */
const secretCharsMin = 6;
const secretName =
  /KEY|TOKEN|SECRET|PASS|AUTH|CREDENTIAL|COOKIE|PRIVATE|(?:^|_)(?:PAT|DSN)$|_PWD$/i;
/** An option or header of this name takes a secret; `--keyspace` and `--author` do not. */
const secretOption =
  /(?:(?:^|[-_.]|api|access)key|(?:^|[-_.])(?:pass|pat|dsn|auth)|token|secret|passw(?:or)?d|passphrase|credentials?|authorization|cookie)$/i;
/** Names of identities that grant no access by themselves. */
const identifierName = /(?:^|[_-])(?:USER|USER_?NAME|LOGIN|E?_?MAIL|CLIENT_?ID)$/i;
/** Names of places where a secret is stored. */
const placeName = /_(?:FILE|PATH|DIR|SOCK)$/i;
/** A path on this disk; the log is full of them. */
const path = /^(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w./\\ @:~-]*$/;
/** A password inside a URL. */
const credentialUrl = /:\/\/[^/\s@]*:[^/\s@]+@/;

/** Whether every child gets this variable of the gateway's environment. */
export function isPassed(name: string, isWindows = false): boolean {
  if (!isWindows) return passedNames.has(name) || name.startsWith("LC_");
  return isPassed(name.toUpperCase()) || windowsNames.has(name.toUpperCase());
}

/** The whole environment of a child. A null in `own` removes a variable. */
export function buildEnvironment(
  ours: Readonly<Record<string, string>>,
  inherited: readonly string[],
  own: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  const names = new Set(inherited);
  const isWindows = ours["OS"] === "Windows_NT";
  for (const [name, value] of Object.entries(ours)) {
    if (isPassed(name, isWindows) || names.has(name)) environment[name] = value;
  }
  for (const [name, value] of own) {
    if (value === null || isWindows) remove(environment, name, isWindows);
    if (value !== null) environment[name] = value;
  }
  return environment;
}

function remove(environment: Record<string, string>, name: string, isWindows: boolean): void {
  for (const one of isWindows ? Object.keys(environment) : [name]) {
    if (one === name || one.toUpperCase() === name.toUpperCase()) delete environment[one];
  }
}

/** Whether a variable or header of this name, or a text like this, may grant access. */
export function namesSecret(name: string, value: string): boolean {
  return secretName.test(name) || credentialUrl.test(value);
}

/** Whether a variable of this name, or a text like this, must be hidden from the log. */
export function looksSecret(name: string, value: string): boolean {
  if (credentialUrl.test(value)) return true;
  const isPlace = placeName.test(name) && path.test(value);
  return secretName.test(name) && !identifierName.test(name) && !isPlace;
}

/**
 * Whether a value from the gateway's environment may be shown: a path, or the value of an identity.
 */
function isOrdinary(names: readonly string[], value: string): boolean {
  return path.test(value) || names.some((name) => identifierName.test(name));
}

/** Whether a value is long enough to be hidden wherever it appears. */
export function isHideable(value: string): boolean {
  return value.trim().length >= secretCharsMin;
}

/**
 * The secrets in a value of a child's `env`: text that looks secret, and the values of variables
 * that not every child gets (with the text around them), unless they are paths or identities.
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

/** The secrets in a command line: the values of options whose name suggests a secret. */
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

/**
 * The secrets in an argument or a path. Operators see these, so only text that looks secret is
 * hidden.
 */
export function secretsInText(text: string, used: readonly UsedVariable[]): string[] {
  const parts = used.filter(({ name, value }) => looksSecret(name, value)).map(({ value }) =>
    value
  );
  return credentialUrl.test(text) ? [text, ...parts] : parts;
}
