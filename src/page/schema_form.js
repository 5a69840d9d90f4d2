/**
 * From a JSON Schema to the fields of a form: what a person is asked for, with which choices, and
 * what it starts with. What no field can show is asked for as JSON. Not here: reading a form
 * (form_values.js) and showing it (form_view.js).
 */
import { bounds } from "./bounds.js";

/**
 * A JSON Schema as it was parsed.
 * @typedef {{ readonly [key: string]: unknown }} Schema
 */

/**
 * One field. `key` is its member in the object around it; "" for the whole form and for items.
 * @typedef {object} FieldFacts
 * @property {string} key
 * @property {string} label
 * @property {string} description
 * @property {boolean} isRequired
 * @property {unknown} initial the schema's default; undefined: none
 * @property {Schema} schema with `$ref` and "or null" resolved
 */

/** @typedef {FieldFacts & { readonly kind: "string" | "number" | "integer" | "boolean" | "json" }} PlainField */
/**
 * @typedef {FieldFacts & { readonly kind: "choice",
 *   readonly options: readonly { readonly value: unknown, readonly label: string }[] }} ChoiceField
 */
/** @typedef {FieldFacts & { readonly kind: "object", readonly fields: readonly Field[] }} ObjectField */
/** @typedef {FieldFacts & { readonly kind: "list", readonly item: Field }} ListField */
/** @typedef {PlainField | ChoiceField | ObjectField | ListField} Field */

/**
 * The form of a schema: an object with fields, or one field for JSON.
 * @param {unknown} schema of the arguments of a tool, or of what a server asks for
 * @returns {Field}
 */
export function formOf(schema) {
  const root = isObject(schema) ? schema : { type: "object" };
  const reading = { root, left: bounds.formFieldsMax };
  const form = toField(reading, "", root, true, 0);
  return reading.left < 0 ? asJson(form) : form;
}

/**
 * @typedef {object} Reading
 * @property {Schema} root where `$ref` leads
 * @property {number} left how many more fields the form can have
 */

/**
 * @param {Reading} reading
 * @param {string} key
 * @param {unknown} given
 * @param {boolean} isRequired
 * @param {number} depth
 * @returns {Field}
 */
function toField(reading, key, given, isRequired, depth) {
  reading.left -= 1;
  const schema = resolved(reading.root, given);
  const facts = {
    key,
    label: typeof schema["title"] === "string" ? schema["title"] : key,
    description: typeof schema["description"] === "string" ? schema["description"] : "",
    isRequired,
    initial: schema["default"],
    schema,
  };
  const options = choicesOf(schema);
  if (options !== undefined) return { ...facts, kind: "choice", options };
  const kind = schema["type"];
  if (kind === "string" || kind === "number" || kind === "integer" || kind === "boolean") {
    return { ...facts, kind };
  }
  const isShallow = depth < bounds.formDepthMax && reading.left >= 0;
  if (isShallow && isFields(schema, depth)) {
    return { ...facts, kind: "object", fields: fieldsOf(reading, schema, depth) };
  }
  if (isShallow && kind === "array" && isObject(schema["items"])) {
    const item = toField(reading, "", schema["items"], true, depth + 1);
    const isScalar = item.kind !== "object" && item.kind !== "list" && item.kind !== "json";
    if (isScalar) return { ...facts, kind: "list", item };
  }
  return { ...facts, kind: "json" };
}

/**
 * Whether a schema is that of an object whose members are all named. Deeper in a form, an object
 * without named members has nothing to show.
 * @param {Schema} schema
 * @param {number} depth
 */
function isFields({ type, properties, anyOf, oneOf, allOf, patternProperties }, depth) {
  if (anyOf !== undefined || oneOf !== undefined || allOf !== undefined) return false;
  if (patternProperties !== undefined) return false;
  if (isObject(properties)) return type === "object" || type === undefined;
  return depth === 0 && type === "object";
}

/**
 * @param {Reading} reading
 * @param {Schema} schema
 * @param {number} depth
 * @returns {Field[]}
 */
function fieldsOf(reading, { properties, required }, depth) {
  const needed = new Set(Array.isArray(required) ? required : []);
  const members = isObject(properties) ? Object.entries(properties) : [];
  return members.slice(0, bounds.formFieldsMax + 1).map(([key, member]) =>
    toField(reading, key, member, needed.has(key), depth + 1)
  );
}

/**
 * The choices of a schema: `enum`, `const`, or alternatives that are constants with titles.
 * @param {Schema} schema
 */
function choicesOf(schema) {
  const { enum: values, enumNames: names, const: only, oneOf, anyOf } = schema;
  if (Array.isArray(values) && values.length > 0) {
    return values.slice(0, bounds.rowsMax).map((value, index) => ({
      value,
      label: Array.isArray(names) && typeof names[index] === "string"
        ? names[index]
        : labelOf(value),
    }));
  }
  if (only !== undefined) return [{ value: only, label: labelOf(only) }];
  const alternatives = oneOf ?? anyOf;
  if (!Array.isArray(alternatives) || alternatives.length === 0) return undefined;
  if (!alternatives.every((one) => isObject(one) && one["const"] !== undefined)) return undefined;
  return alternatives.slice(0, bounds.rowsMax).map(({ const: value, title }) => ({
    value,
    label: typeof title === "string" ? title : labelOf(value),
  }));
}

/** @param {unknown} value */
const labelOf = (value) => typeof value === "string" ? value : JSON.stringify(value);

/**
 * A schema without `$ref` within its document, and without "or null".
 * @param {Schema} root
 * @param {unknown} given
 * @returns {Schema}
 */
function resolved(root, given) {
  let schema = isObject(given) ? given : {};
  for (let steps = 0; steps < bounds.formDepthMax; steps += 1) {
    const next = withoutReference(root, schema) ?? withoutNull(schema);
    if (next === undefined) return schema;
    schema = next;
  }
  return {};
}

/**
 * @param {Schema} root
 * @param {Schema} schema
 * @returns {Schema | undefined}
 */
function withoutReference(root, { $ref: reference, ...others }) {
  if (typeof reference !== "string") return undefined;
  if (!reference.startsWith("#/")) return others;
  /** @type {unknown} */
  let found = root;
  for (const part of reference.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return isObject(found) ? { ...found, ...others } : others;
}

/**
 * @param {Schema} schema
 * @returns {Schema | undefined}
 */
function withoutNull(schema) {
  const { type, anyOf, ...others } = schema;
  if (Array.isArray(type)) {
    const [only, ...more] = type.filter((one) => one !== "null");
    return more.length === 0 && only !== undefined
      ? { ...schema, type: only }
      : { ...schema, type: undefined };
  }
  if (!Array.isArray(anyOf)) return undefined;
  const [only, ...more] = anyOf.filter((one) => !isObject(one) || one["type"] !== "null");
  return more.length === 0 && isObject(only) && anyOf.length > 0
    ? { ...only, ...others }
    : undefined;
}

/**
 * A field as one for JSON.
 * @param {Field} field
 * @returns {PlainField}
 */
export function asJson({ key, label, description, isRequired, initial, schema }) {
  return { key, label, description, isRequired, initial, schema, kind: "json" };
}

/**
 * @param {unknown} value
 * @returns {value is { readonly [key: string]: unknown }}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
