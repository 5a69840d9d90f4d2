/**
 * Tools of a server with schemas that all clients can compile. Other work runs in between for a
 * long list.
 */
import { type Clock, sleep } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Correction, JsonObject } from "../../model.ts";
import { correctSchemas, type ToolSchemaLimits } from "../../protocol/tool_schemas.ts";

/** The bounds of the work. */
export interface SoundToolsOptions {
  readonly clock: Clock;
  readonly limits: ToolSchemaLimits & Pick<Limits, "readTurnMs">;
}

/** The tools and their corrections. */
export async function withSoundSchemas(
  tools: readonly JsonObject[],
  { clock, limits }: SoundToolsOptions,
): Promise<{ readonly tools: readonly JsonObject[]; readonly corrections: Correction[] }> {
  const sound: JsonObject[] = [];
  const corrections: Correction[] = [];
  let turn = clock.monotonic();
  for (const given of tools) {
    const { tool, reasons } = correctSchemas(given, limits);
    sound.push(tool);
    for (const reason of reasons) corrections.push({ item: String(given["name"]), reason });
    if (clock.monotonic() - turn < limits.readTurnMs) continue;
    await sleep(clock, 0);
    turn = clock.monotonic();
  }
  return { tools: sound, corrections };
}
