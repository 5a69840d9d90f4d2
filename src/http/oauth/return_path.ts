/**
 * Where a person goes on after a log-in: only to paths of the gateway itself. A page that needs a
 * log-in first seals its own path for the browser; what a client or a link gives is checked.
 */
import { type Clock, steadyNow } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Sealer } from "../../seal.ts";
import { pathPrefix } from "../gateway_url.ts";

/** What sealing needs. */
export interface ReturnDeps {
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly clock: Pick<Clock, "wall" | "monotonic">;
  readonly limits: Pick<Limits, "serverLinkMs">;
}

/** One purpose of the sealer. */
const purpose = "return path";

/**
 * A text that stands for a path of the gateway in the place of a waiting authorization. Only the
 * browser with this token can use it, for ten minutes.
 */
export function sealReturn(
  { sealer, clock, limits }: ReturnDeps,
  token: string,
  path: string,
): Promise<string> {
  return sealer.encrypt(purpose, { path, endsAt: steadyNow(clock) + limits.serverLinkMs }, token);
}

/** The path; undefined if the text is no sealed path, is another browser's, or is too old. */
export async function openReturn(
  { sealer, clock, limits }: ReturnDeps,
  token: string,
  text: string,
): Promise<string | undefined> {
  const payload = await sealer.decrypt(purpose, text, token);
  if (payload === undefined) return undefined;
  const leftMs = Number(payload["endsAt"]) - steadyNow(clock);
  // One of an earlier run may come from a clock that was wrong.
  if (!(leftMs > 0 && leftMs <= 2 * limits.serverLinkMs)) return undefined;
  return String(payload["path"]);
}

/** A path as every browser reads it: visible ASCII, without backslashes, and not `//host`. */
const pathForm = /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/;

/**
 * A path of the gateway at this base URL, with its query, as a browser gets it; undefined for
 * anything that leads elsewhere, and for longer texts.
 */
export function toOwnPath(
  text: string | null | undefined,
  base: string,
  charsMax: number,
): string | undefined {
  if (typeof text !== "string" || text.length > charsMax || !pathForm.test(text)) return undefined;
  const { origin } = new URL(base);
  const prefix = pathPrefix(base);
  const given = `${origin}${prefix}${text}`;
  if (!URL.canParse(given)) return undefined;
  const url = new URL(given);
  // Dot segments could lead to another program behind the same proxy.
  if (url.origin !== origin || !url.pathname.startsWith(`${prefix}/`)) return undefined;
  return url.pathname.startsWith("//") ? undefined : `${url.pathname}${url.search}${url.hash}`;
}
