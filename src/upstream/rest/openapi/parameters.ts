/**
 * The parameters of an operation outside its body (OpenAPI 3.1, section 4.8.12): those of the path
 * and of the method together, each an argument. Parameters that carry credentials are no arguments:
 * names that security schemes or the configuration use are left out, and so are headers that the
 * gateway sets itself.
 */
import type { Parameter } from "../service.ts";
import type { Documents, Located } from "./documents.ts";
import { type ParameterObject, parameterShape, shaped } from "./shape.ts";
import { itemsOf } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** An input of an operation. */
export interface OperationInput {
  readonly wire: string;
  readonly required: boolean;
  readonly schema: Located;
  /** Replaces the schema's own. */
  readonly description: string | undefined;
  readonly deprecated: boolean;
}

/** One parameter. */
export interface InputParameter extends OperationInput {
  readonly in: Parameter["in"];
  readonly style: Parameter["style"];
  readonly explode: boolean;
}

/** The names in each place that are no arguments, as `place name` (headers in lower case). */
export type Reserved = ReadonlySet<string>;

/** Headers about the transport of a request, which a model must not set. */
export const ownHeaders: readonly string[] = [
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** A parameter's place and name. */
export function toPlace({ in: place, name }: Pick<ParameterObject, "in" | "name">): string {
  return `${place} ${place === "header" ? name.toLowerCase() : name}`;
}

/** The parameters of one operation, those of the path first. Throws Unusable. */
export function readParameters(
  path: string,
  lists: readonly Located[],
  reserved: Reserved,
  documents: Documents,
): readonly InputParameter[] {
  const found = new Map<string, InputParameter>();
  for (const { value: list, base } of lists) {
    for (const item of itemsOf(list)) {
      const at = documents.follow({ value: item, base });
      const parameter = shaped(parameterShape, at.value, "one of its parameters");
      const place = toPlace(parameter);
      if (reserved.has(place)) continue;
      const wanted = toWanted(parameter, at.base);
      if (wanted !== undefined) found.set(place, wanted);
    }
  }
  const inPath = new Set(Array.from(path.matchAll(/\{([^{}]*)\}/g), ([, name = ""]) => name));
  for (const name of inPath) {
    // Documents forget them; without a value there is no URL.
    if (!found.has(`path ${name}`)) found.set(`path ${name}`, toUndeclared(name));
  }
  const order = ["path", "query", "header", "cookie"];
  return [...found.values()]
    .filter((one) => one.in !== "path" || inPath.has(one.wire))
    .sort((one, other) => order.indexOf(one.in) - order.indexOf(other.in));
}

function toUndeclared(wire: string): InputParameter {
  return {
    in: "path",
    wire,
    required: true,
    style: "simple",
    explode: false,
    schema: { value: { type: "string" }, base: "" },
    description: undefined,
    deprecated: false,
  };
}

/** Undefined for an optional parameter that cannot be sent. */
function toWanted(parameter: ParameterObject, base: string): InputParameter | undefined {
  const { name, in: place, description, deprecated, content } = parameter;
  const required = parameter.required || place === "path";
  const common = { in: place, wire: name, required, description, deprecated };
  if (place === "header" && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    throw new Unusable(`the header ${JSON.stringify(name)} has an invalid name`);
  }
  if (content !== undefined) {
    const [[mediaType, media] = ["", {}]] = Object.entries(content);
    if (!isJson(mediaType)) {
      if (!required) return undefined;
      throw new Unusable(`it needs "${name}" as "${mediaType}", which cannot be written`);
    }
    const schema = { value: (media as { schema?: unknown } | null)?.schema ?? {}, base };
    return { ...common, schema, style: "json", explode: false };
  }
  const [usual, ...others] = styles[place];
  const style = [usual, ...others].find((one) => one === parameter.style) ?? usual;
  return {
    ...common,
    schema: { value: parameter.schema ?? { type: "string" }, base },
    style,
    explode: parameter.explode ?? style === "form",
  };
}

/** The styles of each place, the usual one first. */
export const styles: Readonly<
  Record<Parameter["in"], readonly [Parameter["style"], ...Parameter["style"][]]>
> = {
  path: ["simple", "label", "matrix"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"],
};

/** Whether a media type is JSON. */
export function isJson(mediaType: string): boolean {
  return /^(\*\/\*|application\/\*|[^;]+[/+]json)\s*(;|$)/i.test(mediaType.trim());
}
