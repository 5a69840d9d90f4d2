/**
 * Why the start of a program failed. Callers get one line in which the program's own words are
 * marked; the operator's log gets all its output.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import type { SpawnFault } from "../../runtime/runtime.ts";
import type { ChildEnd } from "./child.ts";
import type { UpstreamDeps } from "../deps.ts";
import { toStartReason, withWords } from "../link/start_errors.ts";
import type { HandshakeOutcome } from "../link/handshake.ts";
import type { StartFault } from "../link/link.ts";
import type { StartOutput } from "./start_output.ts";
import { createQuote, valuesOfProgram } from "../link/server_text.ts";
import { toSpawnReason } from "./spawn_reason.ts";

/**
 * Why a program's output cannot be read as messages, and the line that shows it, if there is one.
 */
export interface MisspokenStart {
  readonly why: string;
  readonly line: string | undefined;
}

/** Output on stdout instead of an answer. */
export interface Wrote {
  readonly misspoke: MisspokenStart | undefined;
  /** The first line that is no message. */
  readonly ignored: string | undefined;
}

/** Why a start failed; callers get one line of the process's output. */
export function toStartFault(
  handshake: HandshakeOutcome,
  { end, broken, printed, wrote, config, deps }: {
    readonly end: ChildEnd | undefined;
    readonly broken: string | undefined;
    readonly printed: StartOutput;
    readonly wrote: Wrote;
    readonly config: StdioServerConfig;
    readonly deps: UpstreamDeps;
  },
): StartFault {
  const lines = printed.lines();
  const quote = createQuote(valuesOfProgram(config), deps.limits);
  const permanent = end?.permanent ?? false;
  const { refused } = handshake;
  const details = lines.length === 0 ? undefined : { printed: lines.join("\n") };
  if (end === undefined && broken === undefined && "error" in handshake) {
    const { error } = handshake;
    // Its answer says more than its output.
    if (error.code === "upstream_error") {
      return { reason: toStartReason(error, quote), permanent, refused, details };
    }
  }
  const { misspoke, ignored } = wrote;
  if (misspoke !== undefined) {
    const { why, line = "" } = misspoke;
    return { reason: withWords(why, quote(line)), permanent, refused, details };
  }
  const hasWritten = ignored !== undefined;
  const reason = end?.text ?? broken ?? toHandshakeReason(handshake, config, hasWritten);
  const [line] = [...printed.errors(), ...(hasWritten ? [ignored] : []), ...lines];
  if (line === undefined) return { reason, permanent, refused };
  const words = quote(line) || "the gateway's log has what it printed";
  return { reason: withWords(reason, words), permanent, refused, details };
}

/** Programs that download a server before they start it. */
const downloader = /(?:^|[\\/])(?:npx|bunx|uvx|pnpx|pipx|docker|podman)(?:\.exe|\.cmd)?$/i;

function toHandshakeReason(
  handshake: HandshakeOutcome,
  { command, startTimeoutMs }: StdioServerConfig,
  hasWritten: boolean,
): string {
  if (!("error" in handshake)) return "it exited during its start";
  const { error } = handshake;
  if (error.code !== "upstream_timeout") return error.message;
  const wrote = hasWritten ? ", and wrote lines on stdout that are not JSON-RPC messages" : "";
  const advice = downloader.test(command)
    ? "it may still be downloading: run its command once in a terminal, or raise startTimeoutMs"
    : "raise startTimeoutMs if it needs longer";
  return `it did not answer its first message within ${startTimeoutMs} ms${wrote}; ${advice}`;
}

/**
 * Why there is no process; the fault's own text names the command, which belongs in the log only.
 */
export function toSpawnFault(thrown: unknown, config: StdioServerConfig): StartFault {
  const { code = "unknown", permanent = false, folderMissing = false } = thrown as Partial<
    SpawnFault
  >;
  const reason = toSpawnReason({ code, folderMissing }, config);
  return { reason, permanent, refused: [], details: { error: thrown } };
}
