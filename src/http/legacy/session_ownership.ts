/**
 * That a session is used only by the instance that owns it. Which instance gets a request is decided
 * when it comes (http/elsewhere.ts); its body may arrive much later, when this instance has given the
 * session away, lost it, or could not renew its term for too long.
 */
import { GatewayError } from "../../errors.ts";
import type { LegacyDeps } from "./live_session.ts";

type Owners = Pick<LegacyDeps, "ownership">;

/** Whether no other instance can own a session now. */
export function isOwned({ ownership }: Owners, key: string): boolean {
  return ownership === undefined || ownership().holds(key) === "held";
}

/** Makes this instance the owner of a session; rejects if another one is, or may be. */
export async function own(deps: Owners, key: string): Promise<void> {
  if (isOwned(deps, key)) return;
  const ownership = deps.ownership?.();
  await ownership?.renew();
  if (isOwned(deps, key)) return;
  if (await ownership?.claim(key) === true && isOwned(deps, key)) return;
  throw new GatewayError(
    "store_unavailable",
    "Another instance of the gateway owns this session now; retry later",
  );
}
