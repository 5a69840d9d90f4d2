/** Opens the traces of a gateway, whose part of the program is loaded only where they are wanted. */
import type { TracesConfig } from "../config/config.ts";
import type { Traces, TracesOptions } from "../traces/traces.ts";

/** What traces are opened with. */
interface OpenTracesOptions extends Omit<TracesOptions, "traces"> {
  /** Undefined: no collector is configured. */
  readonly traces: TracesConfig | undefined;
}

/** Opens them; undefined if no collector is configured. */
export async function openTraces(
  { traces, ...options }: OpenTracesOptions,
): Promise<Traces | undefined> {
  if (traces === undefined) return undefined;
  const { createTraces } = await import("../traces/traces.ts");
  return createTraces({ traces, ...options });
}
