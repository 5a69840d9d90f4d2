/** How the instances of a gateway reach each other, if they share a store. Types only. */

/** The part of the configuration that says it. */
export interface InstanceSettings {
  /** Where other instances reach this one; absent: at a free port of this machine. */
  readonly internalUrl?: string | undefined;
  /** Hosts and networks at which other instances may be; absent: this machine alone. */
  readonly internalAllow?: readonly string[] | undefined;
}
