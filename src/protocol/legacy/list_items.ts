/**
 * Items of a server's lists as clients can read them. Clients check the type of every member that
 * they know and refuse a whole list for one mistake, so one careless server would hide the tools of
 * all others behind the same URL. Optional members of a wrong type (`null` above all) are left out,
 * required ones get the plainest value, and all else stays as it came. Follows the schemas of Tool,
 * Prompt, Resource and ResourceTemplate.
 */
import type { JsonObject, ListKind } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { cleanSchema } from "../schema_members.ts";

/** The value when its type is right, one as near as possible, or undefined: it has to go. */
type Mend = (value: unknown) => unknown;

const same: Mend = (value) => value;
const text: Mend = (value) => typeof value === "string" ? value : undefined;
const flag: Mend = (value) => typeof value === "boolean" ? value : undefined;
const number: Mend = (value) => Number.isFinite(value) ? value : undefined;
const object: Mend = (value) => isJsonObject(value) ? value : undefined;
const oneOf = (...names: string[]): Mend => (value) =>
  names.some((name) => name === value) ? value : undefined;
const among = (table: Readonly<Record<string, Mend>>, required?: string): Mend => {
  const members = new Map(Object.entries(table));
  return (value) => {
    if (!isJsonObject(value)) return undefined;
    const mended = mendMembers(value, (name) => members.get(name));
    return required === undefined || mended[required] !== undefined ? mended : undefined;
  };
};
const each = (mend: Mend): Mend => (value) => {
  if (!Array.isArray(value)) return undefined;
  const mended = value.map(mend).filter((item) => item !== undefined);
  return mended.length === value.length && mended.every((item, at) => item === value[at])
    ? value
    : mended;
};

/** Date and time with an offset. */
const moment: Mend = (value) =>
  typeof value === "string" && !Number.isNaN(Date.parse(value)) &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(value)
    ? value
    : undefined;

const priority: Mend = (value) =>
  typeof value === "number" && value >= 0 && value <= 1 ? value : undefined;

/** JSON Schema has `true` and `false` as schemas; clients of this era want objects. */
const propertySchema: Mend = (value) => {
  if (typeof value === "boolean") return value ? {} : { not: {} };
  return object(value);
};

const properties: Mend = (value) =>
  isJsonObject(value) ? mendMembers(value, () => propertySchema) : undefined;

const schemaMembers = among({ properties, required: each(text) });
const schema: Mend = (value) => schemaMembers(cleanSchema(value));

/** Arguments are always an object. */
const inputSchema: Mend = (value) => {
  const mended = schema(value);
  if (!isJsonObject(mended)) return { type: "object" };
  return mended.type === "object" ? mended : { ...mended, type: "object" };
};

const icon = among(
  { src: text, mimeType: text, sizes: each(text), theme: oneOf("light", "dark") },
  "src",
);
const shown = { title: text, description: text, icons: each(icon), _meta: object };
const annotations = among({
  audience: each(oneOf("user", "assistant")),
  priority,
  lastModified: moment,
});
const hints = among({
  title: text,
  readOnlyHint: flag,
  destructiveHint: flag,
  idempotentHint: flag,
  openWorldHint: flag,
});
const argument = among({ name: text, title: text, description: text, required: flag }, "name");

const items: Readonly<Record<ListKind, Mend>> = {
  tools: among({
    ...shown,
    inputSchema,
    outputSchema: schema,
    annotations: hints,
    execution: among({ taskSupport: oneOf("required", "optional", "forbidden") }),
  }),
  prompts: among({ ...shown, arguments: each(argument) }),
  resources: among({ ...shown, name: text, mimeType: text, size: number, annotations }),
  templates: among({ ...shown, name: text, mimeType: text, annotations }),
};

/** An item with this identity (its name or URI); itself when nothing is wrong with it. */
export function mendItem(kind: ListKind, item: JsonObject, identity: string): JsonObject {
  const mended = items[kind](item) as JsonObject;
  if (kind === "tools" && mended.inputSchema === undefined) {
    return { ...mended, inputSchema: { type: "object" } };
  }
  return mended.name === undefined ? { ...mended, name: identity } : mended;
}

/** The same object when every member is right. */
function mendMembers(value: JsonObject, mendOf: (name: string) => Mend | undefined): JsonObject {
  const entries = Object.entries(value);
  const mended = entries
    .map(([name, member]): [string, unknown] => [name, (mendOf(name) ?? same)(member)])
    .filter(([, member]) => member !== undefined);
  const isSame = mended.length === entries.length &&
    mended.every(([, member], at) => member === entries[at]?.[1]);
  return isSame ? value : Object.fromEntries(mended);
}
