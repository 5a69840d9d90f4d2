/**
 * The error of a configuration that cannot be used as a whole. At the start it stops the gateway;
 * on a reload the running configuration stays. A fault of one server is different: it becomes that
 * server's kind `failed`. Also here: the words that all messages of this folder share.
 */

/** All problems, one sentence each; the message has them line by line. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[], cause?: unknown) {
    super(problems.join("\n"), { cause });
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** The type of a value, in words that never show the value, which may be a secret. */
export function describeKind(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A word that may be shown; a longer text is described by its type. */
export function describeWord(value: unknown): string {
  return typeof value === "string" && value.length <= wordCharsMax
    ? JSON.stringify(value)
    : describeKind(value);
}

const wordCharsMax = 64;

/** A path into the file as a user would write it: `mcpServers.files.args[1]`. */
export function appendKey(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** How many faults of one server its error names. */
export const toldMax = 5;
