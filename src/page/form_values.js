/**
 * What a person has filled into a form: the state of each field, and from it the value that is sent,
 * or what is wrong with it. An empty field is not sent; what a schema says beyond these checks is
 * for the server to judge. Patterns are shown and not tried: one of a server could take for ever.
 */
import { bounds } from "./bounds.js";
import { isObject } from "./schema_form.js";

/** @import { Field } from "./schema_form.js" */

/**
 * The state of a field: a text for most kinds ("" is empty), of a choice the place of the option as
 * text, the states of the members by key, or those of the items.
 * @typedef {string | { [key: string]: FieldState } | FieldState[]} FieldState
 */

/**
 * A value, or nothing, or what is wrong: the path of the field, and a sentence.
 * @typedef {object} FormReading
 * @property {unknown} value undefined: not given
 * @property {readonly { readonly path: string, readonly message: string }[]} problems
 */

/**
 * The state of a field before anything is filled in: its default, or a given value.
 * @param {Field} field
 * @param {unknown} [value]
 * @returns {FieldState}
 */
export function stateOf(field, value = field.initial) {
  switch (field.kind) {
    case "object": {
      const members = isObject(value) ? value : {};
      return Object.fromEntries(
        field.fields.map((member) => [
          member.key,
          stateOf(member, Object.hasOwn(members, member.key) ? members[member.key] : undefined),
        ]),
      );
    }
    case "list":
      return Array.isArray(value)
        ? value.slice(0, bounds.formItemsMax).map((item) => stateOf(field.item, item))
        : [];
    case "choice":
      return choiceState(field, value);
    case "json":
      return value === undefined ? "" : JSON.stringify(value, undefined, 2);
    default:
      return value === undefined || value === null ? "" : String(value);
  }
}

/**
 * @param {Extract<Field, { kind: "choice" }>} field
 * @param {unknown} value
 */
function choiceState({ options, isRequired }, value) {
  const text = JSON.stringify(value);
  const index = options.findIndex((option) => JSON.stringify(option.value) === text);
  if (index >= 0) return String(index);
  return isRequired && options.length === 1 ? "0" : "";
}

/**
 * Reads a field.
 * @param {Field} field
 * @param {FieldState} state
 * @param {string} [path] where the field is, as in "filter.tags.0"
 * @returns {FormReading}
 */
export function readField(field, state, path = "") {
  if (field.kind === "object") return readObject(field, state, path);
  if (field.kind === "list") return readList(field, state, path);
  const text = typeof state === "string" ? state : "";
  if (text === "") return field.isRequired ? problem(path, "Required") : nothing;
  if (field.kind === "choice") return given(field.options[Number(text)]?.value);
  return readText(field, text, path);
}

/** @type {FormReading} */
const nothing = { value: undefined, problems: [] };

/** @type {(value: unknown) => FormReading} */
const given = (value) => ({ value, problems: [] });

/** @type {(path: string, message: string) => FormReading} */
const problem = (path, message) => ({ value: undefined, problems: [{ path, message }] });

/**
 * @param {Extract<Field, { kind: "object" }>} field
 * @param {FieldState} state
 * @param {string} path
 * @returns {FormReading}
 */
function readObject({ fields, isRequired }, state, path) {
  const states = typeof state === "object" && !Array.isArray(state) ? state : {};
  const read = fields.map((field) => ({
    key: field.key,
    ...readField(field, states[field.key] ?? stateOf(field), pathOf(path, field.key)),
  }));
  const known = read.filter(({ value }) => value !== undefined);
  // A part that is optional and wholly empty is left out, whatever its own members require.
  const isLeftOut = !isRequired && known.length === 0 &&
    fields.every((field) => isEmpty(states[field.key]));
  if (isLeftOut) return nothing;
  return {
    value: Object.fromEntries(known.map(({ key, value }) => [key, value])),
    problems: read.flatMap(({ problems }) => problems),
  };
}

/**
 * @param {FieldState | undefined} state
 * @returns {boolean}
 */
function isEmpty(state) {
  if (state === undefined || typeof state === "string") return (state ?? "") === "";
  return Object.values(state).every(isEmpty);
}

/**
 * @param {Extract<Field, { kind: "list" }>} field
 * @param {FieldState} state
 * @param {string} path
 * @returns {FormReading}
 */
function readList({ item, isRequired, schema }, state, path) {
  const states = Array.isArray(state) ? state : [];
  const { minItems, maxItems } = schema;
  if (states.length === 0 && !isRequired) return nothing;
  if (typeof minItems === "number" && states.length < minItems) {
    return problem(path, `At least ${minItems} items`);
  }
  if (typeof maxItems === "number" && states.length > maxItems) {
    return problem(path, `At most ${maxItems} items`);
  }
  const read = states.map((one, index) => readField(item, one, pathOf(path, String(index))));
  return {
    value: read.map(({ value }) => value),
    problems: read.flatMap(({ problems }) => problems),
  };
}

/**
 * The path of a member or an item.
 * @param {string} path
 * @param {string} key
 */
export const pathOf = (path, key) => path === "" ? key : `${path}.${key}`;

/**
 * @param {Field} field of a kind that is filled in as text
 * @param {string} text not empty
 * @param {string} path
 * @returns {FormReading}
 */
function readText({ kind, schema }, text, path) {
  if (kind === "json") return readJson(text, path);
  if (kind === "boolean") return given(text === "true");
  if (kind === "string") {
    const wrong = outside([...text].length, schema["minLength"], schema["maxLength"], "characters");
    return wrong === undefined ? given(text) : problem(path, wrong);
  }
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return problem(path, "A number is expected");
  if (kind === "integer" && !Number.isSafeInteger(value)) {
    return problem(path, "A whole number is expected");
  }
  const wrong = outside(value, schema["minimum"], schema["maximum"]) ??
    beyond(value, schema["exclusiveMinimum"], schema["exclusiveMaximum"]);
  return wrong === undefined ? given(value) : problem(path, wrong);
}

/**
 * @param {number} value
 * @param {unknown} min
 * @param {unknown} max
 * @param {string} [unit]
 */
function outside(value, min, max, unit) {
  const words = unit === undefined ? "" : ` ${unit}`;
  if (typeof min === "number" && value < min) return `At least ${min}${words}`;
  if (typeof max === "number" && value > max) return `At most ${max}${words}`;
  return undefined;
}

/**
 * @param {number} value
 * @param {unknown} min
 * @param {unknown} max
 */
function beyond(value, min, max) {
  if (typeof min === "number" && value <= min) return `More than ${min}`;
  if (typeof max === "number" && value >= max) return `Less than ${max}`;
  return undefined;
}

/**
 * A text as JSON.
 * @param {string} text
 * @param {string} path
 * @returns {FormReading}
 */
export function readJson(text, path) {
  try {
    return given(JSON.parse(text));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return problem(path, `This is not JSON: ${why}`);
  }
}

/**
 * What a schema says about a field, in words.
 * @param {Field} field
 * @returns {string}
 */
export function hintOf(field) {
  const { kind, schema } = field;
  const words = [
    kind === "json"
      ? typeWords(schema)
      : kind === "choice"
      ? ""
      : kind === "list"
      ? `list of ${field.item.kind}`
      : kind,
  ];
  const { format, pattern, minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  if (typeof format === "string") words.push(format);
  if (typeof pattern === "string") words.push(`matches ${pattern}`);
  words.push(range(minimum, maximum, ""), range(minLength, maxLength, " characters"));
  words.push(range(minItems, maxItems, " items"));
  return words.filter((word) => word !== "").join(", ");
}

/** @param {Readonly<Record<string, unknown>>} schema */
const typeWords = ({ type }) => typeof type === "string" ? `${type}, as JSON` : "JSON";

/**
 * @param {unknown} min
 * @param {unknown} max
 * @param {string} unit
 */
function range(min, max, unit) {
  const [hasMin, hasMax] = [typeof min === "number", typeof max === "number"];
  if (hasMin && hasMax) return `${min} to ${max}${unit}`;
  if (hasMin) return `at least ${min}${unit}`;
  return hasMax ? `at most ${max}${unit}` : "";
}
