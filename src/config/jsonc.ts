/**
 * JSON with comments and trailing commas to plain data. Objects have no prototype, so `__proto__`
 * and `constructor` are ordinary keys. The error gives line and column of the first fault.
 */
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { appendKey, ConfigError } from "./config_error.ts";

/** A parsed file. Objects have no prototype, so `__proto__` and `constructor` are ordinary keys. */
export interface ParsedText {
  readonly value: unknown;
  /** Paths of keys that appear twice in one object; the last one counts. */
  readonly repeated: readonly string[];
}

/** Parses the text of `file`; throws a ConfigError with the place of the fault. */
export function parseJsonc(text: string, file: string): ParsedText {
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const errors: ParseError[] = [];
  const repeated: string[] = [];
  try {
    const root = parseTree(content, errors, { allowTrailingComma: true });
    const first = errors[0];
    if (first === undefined && root !== undefined) {
      return { value: toValue(root, "", repeated), repeated };
    }
    const problem = first === undefined ? "a value is missing" : explain(first);
    throw new ConfigError([
      `Cannot parse ${file}: ${locate(content, first?.offset ?? 0)}: ${problem}`,
    ]);
  } catch (thrown) {
    // The parser descends by recursion: absurd nesting exhausts the stack.
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new ConfigError([`Cannot parse ${file}: it is nested too deeply`], thrown);
  }
}

function toValue(node: Node, path: string, repeated: string[]): unknown {
  const children = node.children ?? [];
  if (node.type === "array") {
    return children.map((child, index) => toValue(child, appendKey(path, index), repeated));
  }
  if (node.type !== "object") return node.value;
  const members: Record<string, unknown> = Object.create(null);
  for (const { children: [key, value] = [] } of children) {
    if (key === undefined || value === undefined) continue;
    const name = String(key.value);
    const memberPath = appendKey(path, name);
    if (Object.hasOwn(members, name)) repeated.push(memberPath);
    members[name] = toValue(value, memberPath, repeated);
  }
  return members;
}

function locate(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}

/** Parser code → what to look for. */
const explanations = new Map<string, string>([
  ["InvalidSymbol", 'this is not a JSON value; text needs "double quotes"'],
  ["InvalidNumberFormat", "this is not a JSON number"],
  ["PropertyNameExpected", "expected a key in double quotes"],
  ["ValueExpected", "expected a value"],
  ["ColonExpected", "expected a colon after the key"],
  ["CommaExpected", "expected a comma between two items"],
  ["CloseBraceExpected", "expected a closing }"],
  ["CloseBracketExpected", "expected a closing ]"],
  ["EndOfFileExpected", "expected nothing more after the first value"],
  ["UnexpectedEndOfComment", "this comment is not closed"],
  ["UnexpectedEndOfString", "this text is not closed"],
  ["InvalidUnicode", "this \\u escape needs four hexadecimal digits"],
  ["InvalidEscapeCharacter", "this backslash escape is unknown; write \\\\ for a backslash"],
  ["InvalidCharacter", "a text contains a control character; write it as an escape"],
]);

function explain(error: ParseError): string {
  return explanations.get(printParseErrorCode(error.error)) ?? "this is not valid JSON";
}
