/**
 * Pages of a merged list. The gateway reads all pages of its servers and pages the whole list
 * itself, so a cursor names no upstream. A cursor is sealed and bound to its principal and list. It
 * names the last item sent, so that no unchanged item of a changing list is repeated or skipped.
 */
import { GatewayError } from "../errors.ts";
import type { Caller, JsonObject } from "../model.ts";
import type { Sealer } from "../seal.ts";

/** One page, and the cursor to the next; the last page has none. */
export interface Page {
  readonly items: readonly JsonObject[];
  readonly nextCursor?: string;
}

/**
 * The page after `cursor` (absent: the first). `identity` is the member that identifies an item.
 * Throws `invalid_params` for a cursor that is not ours, or is another principal's or list's.
 */
export async function pageOf(
  items: readonly JsonObject[],
  options: {
    readonly cursor: unknown;
    readonly identity: string;
    /** Surface and list. */
    readonly list: string;
    readonly caller: Caller;
    readonly sealer: Sealer;
    readonly itemsMax: number;
  },
): Promise<Page> {
  const { cursor, identity, sealer, itemsMax } = options;
  const binding = JSON.stringify([options.caller.principal.id, options.list]);
  let start = 0;
  if (cursor !== undefined) {
    const opened = typeof cursor === "string"
      ? await sealer.open("cursor", cursor, binding)
      : undefined;
    if (opened === undefined) {
      throw new GatewayError("invalid_params", "Unknown cursor: list again without one");
    }
    const after = items.findIndex((item) => item[identity] === opened["after"]);
    start = after >= 0 ? after + 1 : Number(opened["offset"]);
  }
  const end = start + itemsMax;
  const page = items.slice(start, end);
  if (end >= items.length) return { items: page };
  const next = { after: page.at(-1)?.[identity], offset: end };
  return { items: page, nextCursor: await sealer.seal("cursor", next, binding) };
}
