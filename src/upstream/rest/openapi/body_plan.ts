/**
 * The body of an operation as arguments (OpenAPI 3.1, section 4.8.13): each member of an object, or
 * any other body as a whole. Of several media types the first writable one is used: JSON, a form,
 * several parts, text. Files cannot be sent: they are left out, or the operation is.
 */
import { isJsonObject } from "../../../json.ts";
import type { BodyPlan } from "../service.ts";
import type { Documents, Located } from "./documents.ts";
import { isHidden } from "./schema_keywords.ts";
import { isJson, type OperationInput, styles } from "./parameters.ts";
import { bodyShape, shaped } from "./shape.ts";
import { itemsOf, member, textOf } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** The body of an operation. */
export interface InputBody {
  readonly mediaType: string;
  readonly required: boolean;
  /** The whole, or one of its members each. */
  readonly whole: OperationInput | undefined;
  readonly members: readonly OperationInput[];
  /**
   * Groups of members of which one is required: the schema of single arguments cannot express that.
   */
  readonly choices: readonly (readonly string[])[];
  readonly styles: BodyPlan["styles"];
}

const form = "application/x-www-form-urlencoded";
const multipart = "multipart/form-data";

/**
 * The body of one operation; undefined for none. A body with more than `membersMax` members becomes
 * one argument. Throws Unusable.
 */
export function readBody(
  given: Located | undefined,
  documents: Documents,
  membersMax: number,
): InputBody | undefined {
  if (given === undefined) return undefined;
  const { value, base } = documents.follow(given);
  const body = shaped(bodyShape, value, "its body");
  const contents = Object.keys(body.content);
  if (contents.length === 0) return undefined;
  const chosen = contents.find(isJson) ?? contents.find((type) => baseOf(type) === form) ??
    contents.find((type) => baseOf(type) === multipart) ??
    contents.find((type) => baseOf(type).startsWith("text/"));
  if (chosen === undefined) {
    if (!body.required) return undefined;
    throw new Unusable(`it needs a body of the type "${contents.join('", "')}"`);
  }
  const mediaType = chosen.includes("*")
    ? isJson(chosen) ? "application/json" : "text/plain"
    : baseOf(chosen);
  const { required, description } = body;
  const schema = { value: member(body.content[chosen], "schema") ?? {}, base };
  const isParts = mediaType === form || mediaType === multipart;
  const object = mediaType.startsWith("text/")
    ? undefined
    : flatten(schema, documents, { levels: allOfDepthMax, left: membersMax });
  if (object !== undefined && object.members.size > 0) {
    const members = readMembers(object, required, mediaType === multipart, documents);
    const styles = mediaType === form ? readStyles(member(body.content[chosen], "encoding")) : {};
    return { mediaType, required, whole: undefined, members, choices: object.choices, styles };
  }
  // A form without fields: there is nothing to send.
  if (isParts && object !== undefined && (!required || object.isClosed)) return undefined;
  if (isParts) {
    throw new Unusable(
      `the fields of its body ("${mediaType}") are not documented, or are too many`,
    );
  }
  const whole = { wire: "body", required, schema, description, deprecated: false };
  return { mediaType, required, whole, members: [], choices: [], styles: {} };
}

/** How the engine makes the body, once the arguments have their names. */
export function toPlan(
  { mediaType, required, whole, members, styles }: InputBody,
  names: ReadonlyMap<OperationInput, string>,
): BodyPlan {
  return {
    mediaType,
    required,
    ...(whole === undefined ? {} : { argument: names.get(whole) }),
    members: Object.fromEntries(members.map((one) => [names.get(one) ?? one.wire, one.wire])),
    defaults: {},
    ...(Object.keys(styles ?? {}).length === 0 ? {} : { styles }),
  };
}

/** How the fields of a form are written, if the document says it (OpenAPI 3.1, section 4.8.15). */
function readStyles(encoding: unknown): BodyPlan["styles"] {
  return Object.fromEntries(
    Object.entries(isJsonObject(encoding) ? encoding : {}).flatMap(([name, value]) => {
      const style = styles.query.find((one) => one === member(value, "style"));
      if (style === undefined) return [];
      const explode = member(value, "explode");
      return [[name, {
        style,
        explode: typeof explode === "boolean" ? explode : style === "form",
      }]];
    }),
  );
}

function readMembers(
  object: Flat,
  isRequired: boolean,
  isMultipart: boolean,
  documents: Documents,
): readonly OperationInput[] {
  return [...object.members].flatMap(([wire, at]) => {
    const target = documents.follow(at);
    if (isHidden(at.value, "argument") || isHidden(target.value, "argument")) return [];
    const required = isRequired && object.required.has(wire);
    if (isMultipart && isFile(target, documents)) {
      if (!required) return [];
      throw new Unusable(`it needs a file as "${wire}", which cannot be sent`);
    }
    return [{ wire, required, schema: at, description: undefined, deprecated: false }];
  });
}

/**
 * An object's members, including those of its `allOf`; undefined if members alone cannot express
 * it.
 */
interface Flat {
  readonly members: ReadonlyMap<string, Located>;
  readonly required: ReadonlySet<unknown>;
  readonly choices: InputBody["choices"];
  /** No other members are allowed. */
  readonly isClosed: boolean;
}

/** What remains to visit: the same parts can be in many places. */
interface Room {
  levels: number;
  left: number;
}

function flatten(at: Located, documents: Documents, room: Room): Flat | undefined {
  const { value, base } = documents.follow(at);
  if (!isJsonObject(value) || room.levels < 0) return undefined;
  const { type, properties, required, allOf, additionalProperties, patternProperties } = value;
  if (type !== undefined && type !== "object") return undefined;
  if (isJsonObject(additionalProperties) && Object.keys(additionalProperties).length > 0) {
    return undefined;
  }
  room.left -= 1 + (isJsonObject(properties) ? Object.keys(properties).length : 0);
  if (room.left < 0) return undefined;
  const choices = [...itemsOf(value["anyOf"]), ...itemsOf(value["oneOf"])];
  if (patternProperties !== undefined || !choices.every(saysOnlyRequired)) return undefined;
  const members = new Map<string, Located>();
  const needed = new Set<unknown>(itemsOf(required));
  for (const part of itemsOf(allOf)) {
    room.levels -= 1;
    const flat = flatten({ value: part, base }, documents, room);
    room.levels += 1;
    if (flat === undefined) return undefined;
    for (const [name, schema] of flat.members) members.set(name, schema);
    for (const name of flat.required) needed.add(name);
  }
  if (isJsonObject(properties)) {
    for (const [name, schema] of Object.entries(properties)) {
      members.set(name, { value: schema, base });
    }
  }
  const groups = choices.map((choice) =>
    itemsOf(member(choice, "required")).filter((name) => typeof name === "string")
  );
  return {
    members,
    required: needed,
    choices: groups.every(({ length }) => length > 0) ? groups : [],
    isClosed: additionalProperties === false,
  };
}

const allOfDepthMax = 8;

/** Members cannot express "one of these is required"; the API reports a violation. */
function saysOnlyRequired(choice: unknown): boolean {
  return isJsonObject(choice) &&
    Object.keys(choice).every((key) => ["required", "type", "title", "description"].includes(key));
}

/** Whether a part of a form is a file, or a list of files. */
function isFile({ value, base }: Located, documents: Documents): boolean {
  const items = member(value, "items");
  return isBinary(value) ||
    (items !== undefined && isBinary(documents.follow({ value: items, base }).value));
}

function isBinary(value: unknown): boolean {
  if (member(value, "format") === "binary") return true;
  const mediaType = member(value, "contentMediaType");
  return mediaType !== undefined && member(value, "contentEncoding") === undefined &&
    !textOf(mediaType).startsWith("text/");
}

function baseOf(mediaType: string): string {
  return (mediaType.split(";")[0] ?? "").trim().toLowerCase();
}
