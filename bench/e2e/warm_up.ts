/**
 * How much each target serves before the first round of a scenario, so that the just-in-time
 * compiler is done before anything is measured. Scenarios of the same kind share a warm-up.
 */
import type { Side } from "./targets.ts";

/** The kind of work that a scenario repeats. */
export type WorkKind = "call" | "modern" | "large" | "progress" | "list" | "handshake" | "delivery";

/** Units of work by kind and runtime. */
const unitsOfKind: Readonly<Record<WorkKind, Readonly<Record<Side["runtime"], number>>>> = {
  call: { bun: 60_000, deno: 20_000, node: 20_000, other: 10_000 },
  modern: { bun: 60_000, deno: 20_000, node: 20_000, other: 10_000 },
  large: { bun: 600, deno: 600, node: 600, other: 300 },
  progress: { bun: 10_000, deno: 6_000, node: 6_000, other: 3_000 },
  list: { bun: 10_000, deno: 6_000, node: 6_000, other: 3_000 },
  handshake: { bun: 10_000, deno: 6_000, node: 6_000, other: 2_000 },
  delivery: { bun: 50_000, deno: 50_000, node: 50_000, other: 20_000 },
};

/** The units for a target; a smaller part of them for a quick run. */
export const warmUnits = (kind: WorkKind, runtime: Side["runtime"], part: number): number =>
  Math.ceil(unitsOfKind[kind][runtime] * part);
