/**
 * The form of a server's question as fields, and what a person typed as the value of one. Follows
 * the primitive schemas of elicitation.
 */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";

/** One field. */
export interface FormField {
  readonly key: string;
  readonly title: string;
  readonly description: string | undefined;
  /** `string`, `number`, `integer`, `boolean` or `array`. */
  readonly type: string;
  readonly isRequired: boolean;
  /** The values to choose from; empty: any. */
  readonly choices: readonly { readonly value: string; readonly title: string }[];
  /** The value of an empty line. */
  readonly fallback: unknown;
  readonly least: number | undefined;
  readonly most: number | undefined;
}

/** What was typed: its value, or why it is none. */
export type TypedValue =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly problem: string };

/** The fields of a requested schema. */
export function readFields(schema: unknown): FormField[] {
  if (!isJsonObject(schema)) return [];
  const { properties, required } = schema;
  const names = new Set<unknown>(Array.isArray(required) ? required : []);
  return Object.entries(isJsonObject(properties) ? properties : {}).map(([key, property]) => {
    const rules = isJsonObject(property) ? property : {};
    return {
      key,
      title: textOf(rules["title"]) ?? key,
      description: textOf(rules["description"]),
      type: textOf(rules["type"]) ?? "string",
      isRequired: names.has(key),
      choices: readChoices(rules),
      fallback: rules["default"],
      least: numberOf(rules["minimum"] ?? rules["minLength"] ?? rules["minItems"]),
      most: numberOf(rules["maximum"] ?? rules["maxLength"] ?? rules["maxItems"]),
    };
  });
}

function readChoices(rules: JsonObject): FormField["choices"] {
  const of = rules["type"] === "array" && isJsonObject(rules["items"]) ? rules["items"] : rules;
  const titled = [of["oneOf"], of["anyOf"]].find(Array.isArray);
  if (titled !== undefined) {
    return titled.filter(isJsonObject).map((row) => {
      const value = String(row["const"]);
      return { value, title: textOf(row["title"]) ?? value };
    });
  }
  const values = Array.isArray(of["enum"]) ? of["enum"].map(String) : [];
  const titles: readonly unknown[] = Array.isArray(of["enumNames"]) ? of["enumNames"] : [];
  return values.map((value, index) => ({ value, title: textOf(titles[index]) ?? value }));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Reads what was typed for a field. */
export function readValue(field: FormField, typed: string): TypedValue {
  const text = typed.trim();
  if (text === "") {
    if (field.fallback !== undefined) return { value: field.fallback };
    return field.isRequired ? { problem: "A value is needed" } : { value: undefined };
  }
  if (field.type === "array") return readList(field, text);
  if (field.choices.length > 0) return readChoice(field, text);
  if (field.type === "boolean") return readBoolean(text);
  if (field.type === "number" || field.type === "integer") return readNumber(field, text);
  return within(field, text.length, "characters") ?? { value: text };
}

function readChoice({ choices }: FormField, text: string): TypedValue {
  const found = choices[Number(text) - 1] ??
    choices.find(({ value, title }) => text === value || text === title);
  return found === undefined
    ? { problem: `Expected a number from 1 to ${choices.length}` }
    : { value: found.value };
}

function readList(field: FormField, text: string): TypedValue {
  const values: unknown[] = [];
  for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
    const read: TypedValue = field.choices.length > 0 ? readChoice(field, part) : { value: part };
    if (read.problem !== undefined) return read;
    values.push(read.value);
  }
  return within(field, values.length, "values") ?? { value: values };
}

function readBoolean(text: string): TypedValue {
  if (/^(?:y|yes|true)$/i.test(text)) return { value: true };
  return /^(?:n|no|false)$/i.test(text) ? { value: false } : { problem: "Expected y or n" };
}

function readNumber(field: FormField, text: string): TypedValue {
  const value = Number(text);
  if (!Number.isFinite(value)) return { problem: "Expected a number" };
  if (field.type === "integer" && !Number.isInteger(value)) {
    return { problem: "Expected a whole number" };
  }
  return within(field, value, "") ?? { value };
}

function within({ least, most }: FormField, size: number, unit: string): TypedValue | undefined {
  const words = unit === "" ? "" : ` ${unit}`;
  if (least !== undefined && size < least) return { problem: `Expected at least ${least}${words}` };
  if (most !== undefined && size > most) return { problem: `Expected at most ${most}${words}` };
  return undefined;
}
