/**
 * What happens when a tool of a server is not as it was when it was first seen: the values of `pin`.
 */

/**
 * `warn`: the tool is offered, and the operator gets a warning; `quarantine`: it is not offered until
 * a person approves it; `off`: tools are neither stored nor compared.
 */
export const pinModes = ["warn", "quarantine", "off"] as const;

/** One of them. */
export type PinMode = (typeof pinModes)[number];

/** The values in error texts. */
export const pinExpected = '"warn", "quarantine" or "off"';

/** The part of a server's configuration that says it. */
export interface PinSetting {
  /** Absent: `warn`. */
  readonly pin?: PinMode | undefined;
}

/** What happens when a tool of a server changes. */
export function pinModeOf({ pin = "warn" }: PinSetting): PinMode {
  return pin;
}

/** Whether no tool of a server may be called that is not in its list. */
export function offersApprovedOnly(config: PinSetting): boolean {
  return pinModeOf(config) === "quarantine";
}
