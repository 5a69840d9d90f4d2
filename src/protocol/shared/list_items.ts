/**
 * Items of a server's lists as clients can read them. Clients check the type of every member that
 * they know and refuse a whole list for one mistake, so one careless server would hide the tools of
 * all others behind the same URL. Optional members of a wrong type (mostly `null`) are dropped,
 * required ones get the plainest value, and everything else stays as it came. Follows the schemas
 * of Tool, Prompt, Resource and ResourceTemplate. Not here: the inside of a tool's schemas
 * (tool_schemas.ts).
 */
import { type Correction, type JsonObject, type ListKind, listKinds } from "../../model.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";
import { quote } from "../quote.ts";

/** The value if its type is right, a similar valid one, or undefined: it is dropped. */
type Correct = (value: unknown) => unknown;

const text: Correct = (value) => typeof value === "string" ? value : undefined;
const flag: Correct = (value) => typeof value === "boolean" ? value : undefined;
const object: Correct = (value) => isJsonObject(value) ? value : undefined;
const oneOf = (...names: string[]): Correct => (value) =>
  names.some((name) => name === value) ? value : undefined;
const among = (table: Readonly<Record<string, Correct>>, required?: string): Correct => {
  const members = new Map(Object.entries(table));
  return (value) => {
    if (!isJsonObject(value)) return undefined;
    const corrected = correctMembers(value, (name) => members.get(name));
    return required === undefined || corrected[required] !== undefined ? corrected : undefined;
  };
};
const each = (correct: Correct): Correct => (value) => {
  if (!Array.isArray(value)) return undefined;
  const corrected = value.map(correct).filter((item) => item !== undefined);
  return corrected.length === value.length && corrected.every((item, at) => item === value[at])
    ? value
    : corrected;
};

/** A number of bytes; some clients refuse fractions. */
const size: Correct = (value) => Number.isSafeInteger(value) ? value : undefined;

/** Date and time with an offset. */
const moment: Correct = (value) =>
  typeof value === "string" && !Number.isNaN(Date.parse(value)) &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(value)
    ? value
    : undefined;

const priority: Correct = (value) =>
  typeof value === "number" && value >= 0 && value <= 1 ? value : undefined;

/** In JSON Schema `true` and `false` are schemas, but clients of the handshake era want objects. */
const propertySchema: Correct = (value) => {
  if (typeof value === "boolean") return value ? {} : { not: {} };
  return value === null ? undefined : value;
};

const properties: Correct = (value) =>
  isJsonObject(value) ? correctMembers(value, () => propertySchema) : undefined;

const schema = among({ properties, required: each(text) });

/** Arguments are always an object. */
const inputSchema: Correct = (value) => {
  const corrected = schema(value);
  if (!isJsonObject(corrected)) return { type: "object" };
  return corrected.type === "object" ? corrected : { ...corrected, type: "object" };
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
const execution = among({ taskSupport: oneOf("forbidden", "optional", "required") });
const argument = among({ name: text, title: text, description: text, required: flag }, "name");

const items: Readonly<Record<ListKind, Correct>> = {
  tools: among({ ...shown, inputSchema, outputSchema: schema, annotations: hints, execution }),
  prompts: among({ ...shown, arguments: each(argument) }),
  resources: among({ ...shown, name: text, mimeType: text, size, annotations }),
  templates: among({ ...shown, name: text, mimeType: text, annotations }),
  // Digests and the frontmatter are compared with the files, so nothing in a skill is corrected.
  skills: (skill) => skill,
};

/**
 * Why an entry of a skill cannot be loaded by any host, or cannot be named by the gateway; undefined
 * if it can. Not here: whether digests and sizes are right, which the host checks.
 */
export function skillProblem(skill: unknown): string | undefined {
  if (!isJsonObject(skill)) return `it is ${quote(skill)}, expected an object`;
  const { uri, frontmatter, resources } = skill;
  if (!isUri(uri)) return `its "uri" is ${quote(uri)}, expected a text without control characters`;
  if (!isJsonObject(frontmatter)) return `its "frontmatter" is ${quote(frontmatter)}`;
  if (resources === "dynamic") return undefined;
  const areFiles = Array.isArray(resources) &&
    resources.every((file) => isJsonObject(file) && isUri(file.uri));
  return areFiles
    ? undefined
    : 'its "resources" are neither "dynamic" nor a list of files with URIs';
}

const isUri = (value: unknown): boolean =>
  typeof value === "string" && value !== "" && isSafeText(value);

/** The items of a list that have a name or URI, corrected, and what was wrong. */
export function correctItems(
  kind: ListKind,
  given: readonly unknown[],
): { readonly items: readonly JsonObject[]; readonly corrections: readonly Correction[] } {
  const { identity } = listKinds[kind];
  const corrections: Correction[] = [];
  const usable = given.flatMap((item, at): JsonObject[] => {
    const name = isJsonObject(item) ? item[identity] : undefined;
    if (!isJsonObject(item) || typeof name !== "string" || name === "" || !isSafeText(name)) {
      const what = isJsonObject(item)
        ? `its "${identity}" is ${quote(name)}, expected a text without control characters`
        : `it is ${quote(item)}, expected an object`;
      corrections.push({ item: `item ${at + 1}`, reason: `left out: ${what}` });
      return [];
    }
    const problem = kind === "skills" ? skillProblem(item) : undefined;
    if (problem !== undefined) {
      corrections.push({ item: name, reason: `left out: ${problem}` });
      return [];
    }
    const corrected = correctItem(kind, item, name);
    if (corrected !== item) {
      const reasons = differences(item, corrected, "");
      corrections.push(...reasons.map((reason) => ({ item: name, reason })));
    }
    return [corrected];
  });
  return { items: usable, corrections };
}

/** The corrected item; the same object if nothing was wrong. `identity` is its name or URI. */
function correctItem(kind: ListKind, item: JsonObject, identity: string): JsonObject {
  const corrected = items[kind](item) as JsonObject;
  if (kind === "skills") return corrected;
  if (kind === "tools" && corrected.inputSchema === undefined) {
    return { ...corrected, inputSchema: { type: "object" } };
  }
  return corrected.name === undefined ? { ...corrected, name: identity } : corrected;
}

/** Corrects the members of an object; returns the same object if all are right. */
function correctMembers(
  value: JsonObject,
  correctOf: (name: string) => Correct | undefined,
): JsonObject {
  let changed: Map<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const member = value[name];
    const correct = correctOf(name);
    const corrected = correct === undefined ? member : correct(member);
    if (corrected === member) continue;
    changed ??= new Map();
    changed.set(name, corrected);
  }
  if (changed === undefined) return value;
  const members = new Map([...Object.entries(value), ...changed]);
  return Object.fromEntries([...members].filter(([, member]) => member !== undefined));
}

/** The differences of a corrected object, each with the original value. */
function differences(before: JsonObject, after: JsonObject, path: string): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (was === is) return [];
    const place = `"${path}${name}"`;
    if (!Object.hasOwn(after, name)) return [`left out ${place}, which is ${quote(was)}`];
    if (isJsonObject(was) && isJsonObject(is)) return differences(was, is, `${path}${name}.`);
    return [`corrected ${place}, which is ${quote(was)}`];
  });
}
