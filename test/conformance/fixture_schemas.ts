/**
 * The JSON Schemas of the conformance fixture, written out: the official suite compares them member
 * by member, so that a gateway which rebuilds a schema is found out.
 */
import type { ObjectSchema } from "./fixture_model.ts";

/** A form with a default for every kind of field (SEP-1034). */
export const profileForm: Record<string, unknown> = {
  type: "object",
  properties: {
    name: { type: "string", description: "User name", default: "John Doe" },
    age: { type: "integer", description: "User age", default: 30 },
    score: { type: "number", description: "User score", default: 95.5 },
    status: {
      type: "string",
      description: "User status",
      enum: ["active", "inactive", "pending"],
      default: "active",
    },
    verified: { type: "boolean", description: "Verification status", default: true },
  },
  required: [],
};

const options = ["option1", "option2", "option3"];
const titled = (titles: readonly string[]) =>
  titles.map((title, index) => ({ const: `value${index + 1}`, title }));

/** A form with the five forms of choice (SEP-1330). */
export const enumForm: Record<string, unknown> = {
  type: "object",
  properties: {
    untitledSingle: { type: "string", description: "One of three", enum: options },
    titledSingle: {
      type: "string",
      description: "One of three, with titles",
      oneOf: titled(["First Option", "Second Option", "Third Option"]),
    },
    legacyEnum: {
      type: "string",
      description: "One of three, titles beside",
      enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti: {
      type: "array",
      description: "Some of three",
      minItems: 1,
      maxItems: 3,
      items: { type: "string", enum: options },
    },
    titledMulti: {
      type: "array",
      description: "Some of three, with titles",
      minItems: 1,
      maxItems: 3,
      items: { anyOf: titled(["First Choice", "Second Choice", "Third Choice"]) },
    },
  },
  required: [],
};

/** References, anchors, composition and conditions of JSON Schema 2020-12 in one tool's input. */
export const wholeDialect: ObjectSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};
