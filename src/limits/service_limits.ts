/** Limits on the service manager that runs the gateway at log-in. */

/** The rows. */
export const serviceLimits = {
  /** One step of systemctl or launchctl; a gateway that stops may take its whole drain time. */
  serviceStepMs: 60_000,
  /** What such a step may say. */
  serviceOutputBytesMax: 64 * 1024,
} as const satisfies Record<string, number>;
