/**
 * Starts a gateway that goes on without this program, and waits until it can be joined. Of several
 * programs that do so at once, the data folder lets one gateway start; the others join it. The
 * error of a start that fails has the gateway's own words.
 */
import { sleep } from "../../clock.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { beginning } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import { lockedWords } from "../../store/database.ts";
import type { CommandContext } from "../command.ts";
import type { GatewayEndpoint, GatewaySourceParts } from "./gateway_source.ts";

/** What a start needs. */
export interface GatewayStart extends Pick<GatewaySourceParts, "clock" | "find"> {
  readonly context: CommandContext;
  readonly dataDirectory: string;
  readonly limits: Limits;
}

/** The file in the data folder for what a gateway says before it has its log. */
const wordsFile = "start.log";
const folderMode = 0o700;
const portTaken = /choose another MCP_PORT\b/;

/** Starts a gateway, or finds the one that was first. Rejects with `gateway_unavailable`. */
export async function startDetached(start: GatewayStart): Promise<GatewayEndpoint> {
  const { context: { env, signal }, limits, clock } = start;
  const deadline = clock.monotonic() + limits.bridgeStartMs;
  const isPortChosen = (env["MCP_PORT"] ?? "").trim() !== "";
  let args: readonly string[] = [];
  let words = "";
  for (let starts = 0; starts < limits.bridgeStartsMax && !signal.aborted; starts += 1) {
    const child = detach(start, args);
    const found = await untilFound(start, deadline, child.isAlive);
    if (found !== undefined) return found;
    words = await child.words();
    if (words.includes(lockedWords)) {
      // The other one may still be starting, or stopping.
      const until = Math.min(deadline, clock.monotonic() + limits.bridgeRejoinMs);
      const other = await untilFound(start, until, () => true);
      if (other !== undefined) return other;
    } else if (portTaken.test(words) && !isPortChosen && args.length === 0) {
      args = ["--port", "0"];
    } else break;
    if (clock.monotonic() >= deadline) break;
  }
  if (signal.aborted) throw new GatewayError("cancelled");
  const why = words.trim() === "" ? "it does not start in time" : words.trim();
  const message = `Cannot start a gateway: ${beginning(why, limits.bridgeWordsCharsMax)}`;
  throw new GatewayError("gateway_unavailable", message, { data: { outcome: "not_sent" } });
}

/** The gateway that can be joined; undefined after the deadline, or without a process to wait for. */
async function untilFound(
  { find, clock, limits, context: { signal } }: GatewayStart,
  deadline: number,
  isAlive: () => boolean,
): Promise<GatewayEndpoint | undefined> {
  let fault: GatewayError | undefined;
  while (!signal.aborted) {
    // It may have become ready just before it was seen to be gone, or another one has.
    const mayCome = isAlive();
    try {
      const found = await find();
      if (found !== undefined) return found;
    } catch (thrown) {
      // A busy machine may let a gateway answer late.
      fault = toGatewayError(thrown);
    }
    if (!mayCome) return undefined;
    if (clock.monotonic() >= deadline) break;
    await sleep(clock, limits.bridgeStartCheckMs, signal);
  }
  if (fault !== undefined) throw fault;
  return undefined;
}

function detach(
  { context: { platform, env }, dataDirectory, limits }: GatewayStart,
  args: readonly string[],
) {
  const { system, runtime, self: [command, ...before], cwd } = platform;
  const outputPath = `${dataDirectory}/${wordsFile}`;
  try {
    system.makeFolder(dataDirectory, folderMode);
    const length = system.describe(outputPath)?.bytes ?? 0;
    const isLong = length > limits.bridgeWordsBytesMax;
    if (isLong) system.removeFile(outputPath);
    const pid = system.detach(command, {
      args: [...before, "start", "--until-unattached", ...args],
      env,
      cwd,
      outputPath,
    });
    return {
      isAlive: () => system.isAlive(pid),
      async words(): Promise<string> {
        const text = await runtime.readText(outputPath).catch(() => undefined) ?? "";
        const bytes = new TextEncoder().encode(text).subarray(isLong ? 0 : length);
        return new TextDecoder().decode(bytes);
      },
    };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new GatewayError("gateway_unavailable", `Cannot start a gateway: ${reason}`, {
      data: { outcome: "not_sent" },
    });
  }
}
