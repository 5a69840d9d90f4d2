/**
 * What happens when a tool of a server is not as it was when it was first seen: the values of `pin`.
 */
import type { ServerCommon } from "./config.ts";

/**
 * `warn`: the tool is offered, and the operator gets a warning; `quarantine`: it is not offered until
 * a person approves it; `off`: tools are neither stored nor compared.
 */
export const pinModes = ["warn", "quarantine", "off"] as const;

/** One of them. */
export type PinMode = (typeof pinModes)[number];

/** The values in error texts. */
export const pinExpected = '"warn", "quarantine" or "off"';

/** What a server is pinned by. */
export function pinModeOf({ pin = "warn" }: Pick<ServerCommon, "pin">): PinMode {
  return pin;
}

/** Whether no tool of a server may be called that is not in its list. */
export function offersApprovedOnly(config: Pick<ServerCommon, "pin">): boolean {
  return pinModeOf(config) === "quarantine";
}
