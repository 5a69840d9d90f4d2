/**
 * What may appear in a log. Known secret values are replaced wherever they are, also in URL and
 * base64 encoding. Members whose names suggest a secret lose their values, URLs lose their
 * userinfo, and `name=value` texts lose secret values. Values become plain JSON within a budget of
 * characters, and characters that could forge or hide a line are escaped.
 */
import { beginning } from "./excerpt.ts";

/** The text in place of a secret. */
const redacted = "[redacted]";

/** Shorter values would match everywhere, and their redaction would reveal them. */
const secretCharsMin = 6;

/** Depth and width of a value in a record; a cycle ends at this depth, too. */
const depthMax = 6;
const membersMax = 100;

const secretName =
  /authorization|cookie|token(?!s)|api[-_]?key|pass(word|wd|phrase)|secret|credential|private[-_]?key|session[-_]?id/i;
/** Grants no access. */
const harmlessName = /progress[-_]?token/i;

// Each of these looks at a character a bounded number of times, whatever the text.
const userinfo = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"']*@/gi;
const namedValue = /(^|[\s?&;])([^=&?;\s"']+)=([^&;#\s"']+)/g;
const authorization = /\b(bearer|basic)\s+[\w.~+/=-]{16,}/gi;

/** Characters that a record may still spend; shared by all its texts. */
export interface TextBudget {
  chars: number;
}

/**
 * A text that the log truncates after it has hidden the secrets: a cut through a secret would leave
 * its beginning.
 */
export class Shortened {
  readonly text: string;
  readonly shorten: (text: string) => string;

  constructor(text: string, shorten: (text: string) => string) {
    this.text = text;
    this.shorten = shorten;
  }

  toString(): string {
    return this.shorten(this.text);
  }
}

/** Makes values safe to log. */
export interface Redactor {
  add(secrets: readonly string[]): void;
  /** The same for values that change; beyond the bound the longest unused leave. */
  addPassing(secrets: readonly string[]): void;
  /** A number that changes whenever another secret is hidden. */
  secretsKnown(): number;
  /** A value as plain JSON; undefined when there is nothing to show. */
  toPlain(name: string, value: unknown, budget: TextBudget): unknown;
}

/** Makes a redactor; with `stacks`, errors are shown with their stack. */
export function createRedactor(
  stacks: boolean,
  secrets: readonly string[],
  passingMax: number,
): Redactor {
  const needles = new Set<string>();
  /** In the order of their last use. */
  const passing = new Map<string, readonly string[]>();
  let known: RegExp | undefined;
  let longest = 0;
  let learned = 0;

  const learn = () => {
    learned += 1;
    // The longest first, because a secret may begin with another one.
    const sorted = [...new Set([...needles, ...[...passing.values()].flat()])]
      .sort((one, other) => other.length - one.length);
    longest = sorted[0]?.length ?? 0;
    known = sorted.length > 0 ? new RegExp(sorted.map(escapePattern).join("|"), "g") : undefined;
  };
  const add = (values: readonly string[]) => {
    for (const value of values) for (const form of toForms(value)) needles.add(form);
    learn();
  };
  const addPassing = (values: readonly string[]) => {
    let isNews = false;
    for (const value of values) {
      const forms = passing.get(value);
      passing.delete(value);
      passing.set(value, forms ?? toForms(value));
      isNews ||= forms === undefined;
    }
    for (const value of [...passing.keys()].slice(0, -passingMax)) passing.delete(value);
    if (isNews) learn();
  };
  const toText = (text: string, budget: TextBudget): string => {
    const cut = text.length > budget.chars + longest;
    let result = cut ? beginning(text, budget.chars + longest) : text;
    if (known !== undefined) result = result.replace(known, redacted);
    // The cut may have left the beginning of a secret at the end.
    if (cut) result = beginning(result, result.length - longest);
    result = result
      .replace(userinfo, `$1${redacted}@`)
      .replace(authorization, `$1 ${redacted}`)
      .replace(
        namedValue,
        (all, mark: string, name: string) =>
          isSecretName(name) ? `${mark}${name}=${redacted}` : all,
      );
    if (cut || result.length > budget.chars) result = `${beginning(result, budget.chars)}…`;
    budget.chars = Math.max(0, budget.chars - result.length);
    return result;
  };
  const toShort = ({ text, shorten }: Shortened, budget: TextBudget): string => {
    const line = shorten(toText(text, { ...budget }));
    budget.chars = Math.max(0, budget.chars - line.length);
    return line;
  };
  const toPlain = (name: string, value: unknown, budget: TextBudget, depth = 0): unknown => {
    if (value === undefined || value === null || typeof value === "boolean") return value;
    if (isSecretName(name) && value !== "") return redacted;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (value instanceof Shortened) return toShort(value, budget);
    if (value instanceof Error) return toText(describe(value, stacks), budget);
    if (value instanceof Date || value instanceof URL) return toText(String(value), budget);
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (typeof value !== "object") return toText(String(value), budget);
    if (depth >= depthMax) return "…";
    if (Array.isArray(value)) {
      return value.slice(0, membersMax).map((item) => toPlain("", item, budget, depth + 1) ?? null);
    }
    const members = Object.entries(value).slice(0, membersMax).map(([key, member]) => [
      toText(key, budget),
      toPlain(key, member, budget, depth + 1),
    ]);
    return Object.fromEntries(members);
  };
  add(secrets);
  return {
    add,
    addPassing,
    secretsKnown: () => learned,
    toPlain: (name, value, budget) => toPlain(name, value, budget),
  };
}

function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}

/** The message and those of its causes; with the stack where that is wanted. */
function describe(error: Error, stacks: boolean): string {
  if (stacks && error.stack !== undefined) return error.stack;
  const messages = [error.message || error.name];
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < depthMax; depth += 1) {
    if (!messages.includes(cause.message)) messages.push(cause.message);
    cause = cause.cause;
  }
  return messages.join(": ");
}

/** The forms of a secret: plain, in a URL, in JSON, in base64 at any offset, line by line. */
function toForms(secret: string): string[] {
  const forms = [secret, ...secret.split(/\r?\n/)].flatMap((text) => [
    text,
    encodeURIComponent(text.toWellFormed()),
    JSON.stringify(text).slice(1, -1),
  ]);
  for (const offset of [0, 1, 2]) {
    const form = toBase64At(secret, offset);
    forms.push(form, form.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return secret.length < secretCharsMin
    ? []
    : forms.filter((form) => form.length >= secretCharsMin);
}

/** The part of a text's base64 that does not depend on its neighbours, such as a user name. */
function toBase64At(text: string, offset: number): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "\0".repeat(offset);
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const whole = Math.floor((binary.length * 8) / 6);
  return btoa(binary).slice(Math.ceil((offset * 8) / 6), whole);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
