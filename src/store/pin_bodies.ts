/**
 * The JSON of what is stored of a server's tools, and back. It is checked when it is read: it may
 * come from another version, or from a damaged disk.
 */
import * as v from "valibot";
import type { PinnedList, StoredChange } from "../upstream/pins.ts";

const text = v.string();
const listForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    subject: text,
    key: text,
    version: text,
    tools: v.array(v.tuple([text, v.array(text)])),
  }),
);
const changeForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    kind: v.picklist(["new", "changed", "removed"]),
    before: text,
    principal: text,
    variant: text,
    isApproved: v.boolean(),
  }),
);

/** The columns of a list next to its body. */
type ListKey = Pick<PinnedList, "principal" | "variant">;

/** The columns of a change next to its body. */
type ChangeColumns = Pick<StoredChange, "tool" | "fingerprint" | "at">;

/** The body of a list. */
export function toListBody({ subject, key, version, tools }: PinnedList): string {
  return JSON.stringify({ subject, key, version, tools: [...tools] });
}

/** The list of a row; undefined if its body is none. */
export function toPinnedList(columns: ListKey, body: unknown): PinnedList | undefined {
  const read = v.safeParse(listForm, body);
  if (!read.success) return undefined;
  const { tools, ...rest } = read.output;
  return { ...columns, ...rest, tools: new Map(tools) };
}

/** The body of a change. */
export function toChangeBody(
  { kind, before, principal, variant, isApproved }: StoredChange,
): string {
  return JSON.stringify({ kind, before, principal, variant, isApproved });
}

/** The change of a row; undefined if its body is none. */
export function toStoredChange(columns: ChangeColumns, body: unknown): StoredChange | undefined {
  const read = v.safeParse(changeForm, body);
  return read.success ? { ...columns, ...read.output } : undefined;
}
