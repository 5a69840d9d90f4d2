/**
 * An OpenAPI 3 document as a test's own eyes see it: read again, independently of the gateway's
 * loader, to check requests by and to make values that fit. Knows what the public documents use, and
 * no more.
 */
import { Validator } from "@cfworker/json-schema";
import { readFileSync } from "node:fs";
import { getJsonSchemaRefParserDefaultOptions } from "@apidevtools/json-schema-ref-parser";

/** A JSON object. */
export type Json = { readonly [key: string]: unknown };

/** A document that can be asked. */
export interface PlainDocument {
  readonly root: Json;
  /** A value, or what its `$ref` leads to. */
  follow(value: unknown): Json;
  /** What is wrong with a value; undefined: nothing. */
  misfit(value: unknown, schema: unknown): string | undefined;
  /** A value that fits, with all its optional members or without. */
  example(schema: unknown, isFull: boolean): unknown;
}

/** Reads a JSON or YAML file. */
export async function readPlainDocument(path: string): Promise<PlainDocument> {
  const text = readFileSync(path, "utf8");
  if (path.endsWith(".json")) return createPlainDocument(JSON.parse(text));
  const { yaml } = getJsonSchemaRefParserDefaultOptions().parse;
  if (typeof yaml !== "object" || typeof yaml.parse !== "function") {
    throw new Error("no YAML parser");
  }
  const file = { url: path, hash: "", extension: ".yaml", data: text };
  return createPlainDocument(await yaml.parse(file) as Json);
}

/** Makes a document that can be asked. */
export function createPlainDocument(root: Json): PlainDocument {
  const follow = (value: unknown): Json => {
    let here = value as Json;
    while (typeof here?.["$ref"] === "string") {
      here = here["$ref"].slice(2).split("/").map((part) =>
        decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
      ).reduce((at, part) => at[part] as Json, root);
    }
    return here ?? {};
  };

  const validators = new Map<unknown, Validator>();
  const misfit = (value: unknown, schema: unknown): string | undefined => {
    let validator = validators.get(schema);
    if (validator === undefined) {
      validator = new Validator(standAlone(schema, follow), "2020-12");
      validators.set(schema, validator);
    }
    const { valid, errors } = validator.validate(value);
    return valid ? undefined : errors.map(({ error }) => error).join(" ");
  };

  return {
    root,
    follow,
    misfit,
    example: (schema, isFull) => toExample(schema, { follow, misfit, isFull }, 0),
  };
}

/** A schema with all that it refers to as definitions, in the words of 2020-12. */
function standAlone(schema: unknown, follow: (value: unknown) => Json): Json {
  const definitions: Record<string, unknown> = {};
  const names = new Map<unknown, string>();
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    if (typeof (value as Json)["$ref"] === "string") {
      const target = follow(value);
      const known = names.get(target);
      const name = known ?? `d${names.size}`;
      if (known === undefined) {
        names.set(target, name);
        definitions[name] = visit(target);
      }
      return { $ref: `#/$defs/${name}` };
    }
    const { nullable, exclusiveMinimum, exclusiveMaximum, example, examples, ...rest } =
      value as Json;
    const made = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, visit(one)]));
    // Where these are names of members, they are schemas.
    const kept = Object.fromEntries(
      Object.entries({ nullable, exclusiveMinimum, exclusiveMaximum, example, examples })
        .filter(([, one]) => typeof one === "object" && one !== null && !Array.isArray(one))
        .map(([key, one]) => [key, visit(one)]),
    );
    if (typeof exclusiveMinimum === "number") kept["exclusiveMinimum"] = exclusiveMinimum;
    if (typeof exclusiveMaximum === "number") kept["exclusiveMaximum"] = exclusiveMaximum;
    const whole = { ...made, ...kept };
    return nullable === true ? { anyOf: [whole, { type: "null" }] } : whole;
  };
  const made = visit(schema) as Json;
  return { ...made, $defs: definitions };
}

interface Making {
  readonly follow: (value: unknown) => Json;
  readonly misfit: (value: unknown, schema: unknown) => string | undefined;
  readonly isFull: boolean;
}

const formats: Readonly<Record<string, string>> = {
  date: "2026-11-21",
  "date-time": "2026-11-21T10:00:00Z",
  uri: "https://pets.example/",
  email: "cat@pets.example",
  uuid: "11111111-1111-4111-8111-111111111111",
  ipv4: "192.0.2.1",
};

/** Texts that fit the patterns of the public documents. */
const patterned = [
  "1.2.3",
  "word-1",
  "a".repeat(40),
  `sha256:${"a".repeat(64)}`,
  "YWJj",
  "ssh-rsa AAAA",
];

function toExample(given: unknown, making: Making, depth: number): unknown {
  const schema = making.follow(given);
  const likely = [schema["default"], schema["example"], (schema["examples"] as unknown[])?.[0]]
    .find((value) => value !== undefined && making.misfit(value, schema) === undefined);
  if (likely !== undefined) return likely;
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  if ("const" in schema) return schema["const"];
  for (const keyword of ["oneOf", "anyOf"]) {
    const choices = schema[keyword];
    if (Array.isArray(choices) && schema["properties"] === undefined) {
      const values = choices.map((choice) => toExample(choice, making, depth + 1));
      return values.find((value) => making.misfit(value, schema) === undefined) ?? values[0];
    }
  }
  if (Array.isArray(schema["allOf"])) {
    const parts = schema["allOf"].map((part) => toExample(part, making, depth));
    const own = toExample({ ...schema, allOf: undefined }, making, depth);
    const objects = [...parts, own].filter((part) => typeof part === "object" && part !== null);
    return objects.length > 0 ? Object.assign({}, ...objects) : parts[0];
  }
  const [type] = [schema["type"]].flat().filter((one) => one !== "null");
  switch (type ?? (schema["properties"] === undefined ? undefined : "object")) {
    case "object":
      return toObject(schema, making, depth);
    case "array": {
      if (depth > 6) return [];
      const length = Number(schema["minItems"] ?? 1);
      return Array.from({ length }, () => toExample(schema["items"] ?? {}, making, depth + 1));
    }
    case "integer":
    case "number":
      return Number(schema["minimum"] ?? Math.min(7, Number(schema["maximum"] ?? 7)));
    case "boolean":
      return true;
    default: {
      const texts = [formats[String(schema["format"])] ?? "word & more", ...patterned];
      const text = texts.find((one) => making.misfit(one, schema) === undefined) ?? texts[0] ?? "";
      const fitting = text.padEnd(Number(schema["minLength"] ?? 0), "x");
      return fitting.slice(0, Number(schema["maxLength"] ?? fitting.length));
    }
  }
}

function toObject(schema: Json, making: Making, depth: number): Json {
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const members = Object.entries(making.follow(schema["properties"]))
    .filter(([name]) => required.has(name) || (making.isFull && depth < 4))
    .filter(([, one]) => making.follow(one)["readOnly"] !== true)
    .map(([name, one]) => [name, toExample(one, making, depth + 1)]);
  return Object.fromEntries(members);
}
