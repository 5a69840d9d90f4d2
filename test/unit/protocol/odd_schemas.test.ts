/**
 * Schemas as careless servers write them, against the validators of real clients: what the gateway
 * passes on compiles in all of them, and what it leaves out is refused by one of them.
 */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { AjvJsonSchemaValidator as ClientTwo } from "@modelcontextprotocol/client/validators/ajv";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/client/validators/cf-worker";
import { AjvJsonSchemaValidator as ClientOne } from "@modelcontextprotocol/sdk/validation/ajv";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { toSound } from "../../../src/protocol/json_schema/sound.ts";
import { parseJson } from "../../../src/protocol/jsonrpc.ts";
import { oddSchemas } from "../../support/odd_schemas.ts";
import { findPython } from "../../support/python.ts";
import { isThorough } from "../../support/random.ts";
import { startMsMax } from "../../support/wait.ts";

const samples = [{}, { a: "x" }, { a: ["x"], b: {} }, { a: { a: null } }];

/** What the validators of clients say of a schema when they compile it and use it. */
function complaints(schema: JsonObject): string[] {
  const { warn } = console;
  // ajv tells of formats that it does not know.
  console.warn = () => {};
  try {
    return [ClientOne, ClientTwo, CfWorkerJsonSchemaValidator].flatMap((Validator) => {
      try {
        const check = new Validator().getValidator(schema as never);
        for (const sample of samples) check(sample);
        return [];
      } catch (thrown) {
        return [`${Validator.name}: ${thrown}`];
      }
    });
  } finally {
    console.warn = warn;
  }
}

const entries = Object.entries(oddSchemas).map(([name, row]) => ({
  ...row,
  name,
  sound: toSound(row.schema, "answer", defaultLimits),
}));

describe("an output schema with", () => {
  for (const { name, schema, fate, why, sound } of entries) {
    const end = typeof fate === "string" ? fate : "is corrected";
    test(`${name} ${end}`, () => {
      if (fate === "lost") {
        expect(sound).toEqual({ problem: expect.stringMatching(/\S/) });
        return;
      }
      if ("problem" in sound) throw new Error(sound.problem);
      if (fate === "stays") expect(sound.schema).toBe(schema);
      else expect(sound.schema).toEqual(fate.becomes);
      expect(complaints(sound.schema)).toEqual([]);
    });
    if (fate !== "lost" || why !== undefined) continue;
    // What clients refuse does not depend on the runtime of the gateway.
    test.skipIf(!isThorough)(`${name} is refused by a client`, () => {
      const isStrict = checkedByPython().get(name) !== undefined;
      expect([name, complaints(schema).length > 0 || isStrict]).toEqual([name, true]);
    });
  }
});

// What Python says of a schema does not depend on the runtime, and takes long.
const python = isThorough ? findPython("jsonschema") : undefined;

/** What jsonschema, which the Python SDK checks answers by, says of schemas before and after. */
let knownDialects: Map<string, string> | undefined;
function checkedByPython(): Map<string, string> {
  if (knownDialects !== undefined || python === undefined) return knownDialects ?? new Map();
  const schemas = entries.flatMap(({ name, schema, sound }) => [
    [name, schema],
    ...("schema" in sound ? [[`${name} (passed on)`, sound.schema]] : []),
  ]);
  const program = `
import json, sys
from jsonschema.validators import validator_for
from referencing import Registry
found = {}
for name, schema in json.load(sys.stdin):
    try:
        kind = validator_for(schema)
        kind.check_schema(schema)
        for sample in json.loads(sys.argv[1]):
            list(kind(schema, registry=Registry()).iter_errors(sample))
    except Exception as error:
        found[name] = str(error)[:200]
json.dump(found, sys.stdout)
`;
  const { stdout, stderr } = spawnSync(python, ["-c", program, JSON.stringify(samples)], {
    input: JSON.stringify(schemas),
    encoding: "utf8",
    timeout: startMsMax,
    maxBuffer: 1 << 24,
  });
  if (stdout === "") throw new Error(stderr);
  return knownDialects = new Map(Object.entries(JSON.parse(stdout)));
}

test.skipIf(python === undefined)("what is passed on compiles in Python, too", () => {
  const found = [...checkedByPython()].filter(([name]) => name.endsWith("(passed on)"));
  // JSON Schema's patterns are those of JavaScript, which Python reads only in part.
  expect(found.map(([name]) => name)).toEqual(["a pattern as JavaScript has it (passed on)"]);
});

test("numbers beyond 2^53 are bounds like any other", () => {
  const text = '{"type":"object","properties":{"a":{"type":"integer","minimum":0,' +
    '"maximum":18446744073709551615,"multipleOf":18446744073709551616}}}';
  const schema = parseJson(text, defaultLimits, false) as JsonObject;
  expect(toSound(schema, "answer", defaultLimits)).toEqual({ schema, corrections: [] });
  expect(JSON.stringify(schema)).toBe(text);
});

test("schemas of two tools may have one name: clients know both by it, and get neither", () => {
  const { warn } = console;
  console.warn = () => {};
  const client = new ClientOne();
  for (const type of ["string", "integer"]) {
    const schema = { $id: "https://a.example/s", type: "object", properties: { a: { type } } };
    const sound = toSound(schema, "answer", defaultLimits);
    if ("problem" in sound) throw new Error(sound.problem);
    const value = { a: type === "string" ? "x" : 1 };
    expect(client.getValidator(sound.schema as never)(value).valid).toBe(true);
  }
  console.warn = warn;
});

test("an input schema keeps its names: no client compiles it", () => {
  const named = {
    $id: "https://a.example/s",
    type: "object",
    properties: { a: { $anchor: "1 x" } },
  };
  expect(toSound(named, "argument", defaultLimits)).toEqual({ schema: named, corrections: [] });
});

test("an input schema may be as large as its tool wants, and say what ajv alone refuses", () => {
  const properties = Object.fromEntries(Array.from({ length: 6_000 }, (_, at) => [`p${at}`, {}]));
  const large = { type: "object", properties };
  expect(toSound(large, "argument", defaultLimits)).toEqual({ schema: large, corrections: [] });
  const nullable = { type: "object", properties: { a: { anyOf: [{}], nullable: true } } };
  expect(toSound(nullable, "argument", defaultLimits)).toMatchObject({
    schema: { type: "object", properties: { a: { anyOf: [{}] } } },
  });
});

test("a chain of references that never ends is found in a schema of any size", () => {
  const count = 50_000;
  const defs = Array.from({ length: count }, (_, at) => [
    `d${at}`,
    { $ref: `#/$defs/d${(at + 1) % count}` },
  ]);
  const schema = { type: "object", $defs: Object.fromEntries(defs) };
  expect(toSound(schema, "argument", defaultLimits)).toEqual({
    problem: expect.stringContaining("leads back to itself"),
  });
});
