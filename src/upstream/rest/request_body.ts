/**
 * Arguments as the body of a request: JSON, a form, parts or plain text, by the media type that the
 * API expects. The body is built from whole values, never by joining texts of arguments.
 */
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import type { BodyPlan } from "./service.ts";
import { toText, writeField } from "./styles.ts";

/** A body and what its header says. */
export interface RequestBody {
  readonly contentType: string;
  readonly body: string;
}

/** Whether a media type is JSON. */
export function isJsonType(mediaType: string): boolean {
  return /^(?:application|text)\/(?:json|[\w.!#$&^-]+\+json)\s*(?:;|$)/i.test(mediaType.trim());
}

/** The body of these arguments; undefined if there is none. */
export function buildBody(plan: BodyPlan, given: JsonObject): RequestBody | undefined {
  const value = plan.argument === undefined ? toMembers(plan, given) : given[plan.argument];
  const isEmpty = value === undefined ||
    (plan.argument === undefined && Object.keys(value as JsonObject).length === 0);
  if (isEmpty && !plan.required) return undefined;
  const { mediaType } = plan;
  if (isJsonType(mediaType)) {
    return { contentType: mediaType, body: JSON.stringify(value ?? {}) };
  }
  if (/^application\/x-www-form-urlencoded/i.test(mediaType)) {
    return { contentType: mediaType, body: toForm(value, plan) };
  }
  if (/^multipart\/form-data/i.test(mediaType)) return toParts(toPairs(value));
  if (/^text\//i.test(mediaType)) {
    const contentType = /;\s*charset=/i.test(mediaType) ? mediaType : `${mediaType}; charset=utf-8`;
    return { contentType, body: toText(value) };
  }
  throw new GatewayError("internal", `Cannot send a body of the type "${mediaType}"`);
}

function toMembers({ members, defaults }: BodyPlan, given: JsonObject): JsonObject {
  const sent = Object.entries(members)
    .filter(([argument]) => given[argument] !== undefined)
    .map(([argument, member]) => [member, given[argument]] as const);
  return Object.fromEntries([...Object.entries(defaults), ...sent]);
}

function toForm(value: unknown, { styles = {} }: BodyPlan): string {
  if (!isJsonObject(value)) return "";
  return Object.entries(value).flatMap(([name, member]) => {
    const own = Object.hasOwn(styles, name) ? styles[name] : undefined;
    if (own !== undefined) return writeField(name, own, member);
    const fields = toPairs({ [name]: member });
    return fields.map(({ text }) => new URLSearchParams([[name, text]]).toString());
  }).join("&");
}

/** One field of a form. */
interface Field {
  readonly name: string;
  readonly text: string;
  readonly isJson: boolean;
}

function toPairs(value: unknown): Field[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    (Array.isArray(member) ? member : [member]).map((item: unknown) => ({
      name,
      text: toText(item),
      isJson: isJsonObject(item) || Array.isArray(item),
    }))
  );
}

function toParts(fields: readonly Field[]): RequestBody {
  const boundary = `----${crypto.randomUUID()}`;
  const parts = fields.map(({ name, text, isJson }) => {
    // Escapes characters that could end the header, as browsers do in names.
    const safe = name.replace(/["\r\n]/g, encodeURIComponent);
    const type = isJson ? "application/json" : "text/plain; charset=utf-8";
    return `--${boundary}\r\ncontent-disposition: form-data; name="${safe}"\r\n` +
      `content-type: ${type}\r\n\r\n${text}\r\n`;
  });
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: `${parts.join("")}--${boundary}--\r\n`,
  };
}
