/**
 * Unforeseen inputs: bytes, texts and messages from a generator. Whatever comes, it is a
 * message or one of two failures, and a message is not changed by being read. A failure names the
 * seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import process from "node:process";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits as limits } from "../../../src/limits.ts";
import {
  decodeUtf8,
  errorText,
  idOf,
  type Message,
  notificationText,
  parseJson,
  requestText,
  resultText,
  toMessage,
} from "../../../src/protocol/jsonrpc.ts";
import { isThorough } from "../../support/random.ts";

type Random = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const keys = [
  ...["jsonrpc", "id", "method", "params", "result", "error", "code", "message", "_meta"],
  ...["Method", "PARAMS", "paramſ", "__proto__", "constructor", "toString", "", "a", "b:c", "{"],
];
const scalars = [
  ...['"2.0"', '"1.0"', '"ping"', '"tools/call"', '""', '"\\ud800"', '"\\u0000"', '"a\\"}:[,"'],
  ...["0", "-0", "1", "1.5", "-32601", "9007199254740993", "-18446744073709551616", "1e400"],
  ...["1e-400", "0.12345678901234567890", "true", "false", "null", '"😀"', '"\\\\"', `"\u2028"`],
  ...["NaN", "01", "+1", "'a'", '"\t"', "undefined", ""],
];
const spaces = ["", "", "", " ", "\n", "\t \r"];

const escaped = (text: string) =>
  text.replace(/./gsu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""));

/** A text that is often JSON. */
function textOf(random: Random, levels: number): string {
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const space = () => pick(spaces);
  const kind = random(levels > 0 ? 4 : 1);
  // The last few are not JSON; one in every text would leave few that are.
  if (kind === 0) return pick(random(20) === 0 ? scalars : scalars.slice(0, -7));
  const parts = Array.from({ length: random(5) }, () => {
    const value = textOf(random, levels - 1);
    if (kind === 1) return space() + value;
    const key = pick(keys);
    const name = random(6) === 0 ? `"${escaped(key)}"` : JSON.stringify(key);
    return `${space()}${name}${space()}:${space()}${value}`;
  });
  const inside = parts.join(",") + space();
  return kind === 1 ? `[${inside}]` : `{${inside}}`;
}

/** A message, some of its members drawn from the hat. */
function messageText(random: Random): string {
  const ids = ["0", '""', '"a"', "7", "1.5", "null", "9007199254740993", `"${"x".repeat(300)}"`];
  const member = (name: string, usual: string) => {
    const value = random(8) === 0 ? textOf(random, 2) : usual;
    return random(12) === 0 ? [] : [`"${name}":${value}`];
  };
  const object = () => `{${random(3) === 0 ? "" : `"a":${textOf(random, 3)}`}}`;
  const members = [
    ...member("jsonrpc", '"2.0"'),
    ...(random(4) === 0 ? [] : member("id", ids[random(random(3) === 0 ? 8 : 4)] as string)),
    ...[
      () => [...member("method", '"tools/call"'), ...member("params", object())],
      () => member("result", object()),
      () => member("error", '{"code":-1,"message":"m"}'),
    ][random(3)]?.() ?? [],
    ...(random(10) === 0 ? [`"${keys[random(keys.length)]}":${textOf(random, 1)}`] : []),
  ];
  return `{${members.join(random(40) === 0 ? "" : ",")}}`;
}

function nestedText(random: Random): string {
  const levels = limits.jsonDepthMax - 2 + random(5);
  const [open, close] = random(2) === 0 ? ["[", "]"] : ['{"a":', "}"];
  const inner = open === "[" ? "" : "1";
  return open.repeat(levels) + inner + close.repeat(random(4) === 0 ? levels - 1 : levels);
}

function inputOf(random: Random): Uint8Array {
  const encode = (text: string) => new TextEncoder().encode(text);
  const kind = random(10);
  if (kind === 0) return Uint8Array.from({ length: random(40) }, () => random(256));
  if (kind === 1) return encode(nestedText(random));
  if (kind <= 3) return encode(textOf(random, 4));
  const bytes = [...encode(messageText(random))];
  if (kind >= 6) return Uint8Array.from(bytes);
  // A message that was damaged on its way.
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(bytes.length + 1);
    const how = random(4);
    if (how === 0) bytes.splice(at, 1, random(256));
    else if (how === 1) bytes.splice(at, 1 + random(4));
    else if (how === 2) bytes.splice(at, 0, ...bytes.slice(at, at + random(20)));
    else bytes.length = at;
  }
  return Uint8Array.from(bytes);
}

/** A message, or the code of the failure; throws what is no failure of the two kinds. */
function read(bytes: Uint8Array, strict: boolean): Message | string {
  let value: unknown;
  try {
    value = parseJson(decodeUtf8(bytes), limits, strict);
    return toMessage(value, limits);
  } catch (thrown) {
    idOf(value, limits);
    if (!(thrown instanceof GatewayError)) throw thrown;
    expect(["parse_error", "invalid_request"]).toContain(thrown.code);
    return thrown.code;
  }
}

function write(message: Message): string {
  switch (message.kind) {
    case "request":
      return requestText(message.id, message.method, message.params);
    case "notification":
      return notificationText(message.method, message.params);
    case "response":
      return resultText(message.id, message.result);
    case "error":
      return errorText(message.id, message.error);
  }
}

/** Whether the runtime's own reader takes the bytes. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function check(bytes: Uint8Array): string {
  const strict = read(bytes, true);
  const lenient = read(bytes, false);
  if (typeof strict === "string") {
    if (strict === "parse_error") expect(isJson(bytes)).toBe(false);
    // What a client may not send and a server may, is a repeated key.
    if (typeof lenient === "string") expect(lenient).toBe(strict);
    return strict;
  }
  expect(isJson(bytes)).toBe(true);
  const text = write(strict);
  expect(typeof lenient === "string" ? lenient : write(lenient)).toBe(text);
  const again = read(new TextEncoder().encode(text), true);
  expect(typeof again === "string" ? again : write(again)).toBe(text);
  return strict.kind;
}

describe("A1, A3, A4, A6, A8, A11 and A12 generated inputs", () => {
  test("are messages that stay as they are, or one of two failures", () => {
    const given = process.env["MCP_TEST_SEED"];
    const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
    const random = createRandom(seed);
    const inputs = isThorough ? 20_000 : 5_000;
    const counts: Record<string, number> = {};
    for (let number = 0; number < inputs; number++) {
      const bytes = inputOf(random);
      try {
        const fate = check(bytes);
        counts[fate] = (counts[fate] ?? 0) + 1;
      } catch (thrown) {
        const text = JSON.stringify(new TextDecoder().decode(bytes));
        throw new Error(`MCP_TEST_SEED=${seed}, input ${number}: ${text}`, { cause: thrown });
      }
    }
    // A generator that makes only rubbish would prove nothing.
    for (const kind of ["request", "notification", "response", "error"]) {
      expect([seed, kind, (counts[kind] ?? 0) > inputs / 200]).toEqual([seed, kind, true]);
    }
    for (const code of ["parse_error", "invalid_request"]) {
      expect([seed, code, (counts[code] ?? 0) > inputs / 20]).toEqual([seed, code, true]);
    }
    expect("polluted" in {} || "a" in {}).toBe(false);
    if (given !== undefined) console.log(counts);
  });
});
