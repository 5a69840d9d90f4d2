/**
 * Checks the most frequent requests by hand, which spares most calls a pass through a schema. The
 * schemas (method_params.ts) stay the authority: a request that passes here also passes its schema,
 * and only the schema says what is wrong with a request.
 */
import { defaultLimits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";

const { nameCharsMax, uriCharsMax, requestIdCharsMax } = defaultLimits;

const isPage = ({ cursor }: JsonObject): boolean =>
  cursor === undefined || typeof cursor === "string";

const checks: ReadonlyMap<string, (params: JsonObject) => boolean> = new Map([
  [
    "tools/call",
    ({ name, arguments: given, task }) =>
      isTextWithin(name, nameCharsMax) && isObjectOrAbsent(given) && isObjectOrAbsent(task),
  ],
  [
    "prompts/get",
    ({ name, arguments: given }) => isTextWithin(name, nameCharsMax) && isObjectOrAbsent(given),
  ],
  ["resources/read", ({ uri }) => isTextWithin(uri, uriCharsMax)],
  ["tools/list", isPage],
  ["prompts/list", isPage],
  ["resources/list", isPage],
  ["resources/templates/list", isPage],
]);

/** Whether params are valid; false means that the method's schema must decide. */
export function isPlainRequest(method: string, params: JsonObject): boolean {
  return checks.get(method)?.(params) === true && isPlainMeta(params._meta);
}

function isPlainMeta(meta: unknown): boolean {
  if (meta === undefined) return true;
  if (!isJsonObject(meta)) return false;
  const { progressToken: token } = meta;
  return token === undefined || Number.isSafeInteger(token) ||
    (typeof token === "string" && token.length <= requestIdCharsMax);
}

function isTextWithin(text: unknown, charsMax: number): boolean {
  return typeof text === "string" && text.length <= charsMax && isSafeText(text);
}

function isObjectOrAbsent(value: unknown): boolean {
  return value === undefined || isJsonObject(value);
}
