/** Reads from a request which consumer made it; `consumers.ts` states the rule. */
import { putWithin } from "../bounded.ts";
import { isLoopback } from "../config/loopback.ts";
import { consumerAt, consumerOfPrincipal, localConsumer } from "../consumers.ts";
import { networkOf } from "../ip_address.ts";
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { ClientAddress } from "./client_address.ts";

/** The consumer of a request of this principal. */
export type ConsumerRule = (
  principal: Principal,
  request: Request,
  fetchContext: FetchContext,
) => string;

/** What the rule depends on. */
export interface ConsumerRuleOptions {
  readonly config: {
    readonly host: string;
    readonly trustedProxies?: readonly string[] | undefined;
  };
  readonly clientAddress: ClientAddress;
  readonly limits: Pick<Limits, "rememberedAddressesMax">;
}

/** Those whose address the listener does not know are one. */
const unknownAddress = "unknown";

/** Makes the rule of a gateway. */
export function createConsumerRule(
  { config: { host, trustedProxies = [] }, clientAddress, limits }: ConsumerRuleOptions,
): ConsumerRule {
  const isLocal = isLoopback(host);
  const hasProxies = trustedProxies.length > 0;
  const remembered = new Map<string, string>();
  const consumerOfAddress = (address: string): string => {
    const known = remembered.get(address);
    if (known !== undefined) return known;
    // What comes to this machine alone, from this machine, passed no proxy.
    const consumer = isLocal && isLoopback(address)
      ? localConsumer
      : consumerAt(networkOf(address));
    putWithin(remembered, address, consumer, limits.rememberedAddressesMax);
    return consumer;
  };
  return (principal, request, fetchContext) => {
    const consumer = consumerOfPrincipal(principal);
    if (consumer !== undefined) return consumer;
    if (isLocal && !hasProxies) return localConsumer;
    return consumerOfAddress(clientAddress(request, fetchContext) ?? unknownAddress);
  };
}
