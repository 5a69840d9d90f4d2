/**
 * `logs`: the log of the gateway or its audit trail, all of it or what concerns one server; `-f`
 * follows it.
 */
import { sleep, systemClock } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import { auditPath } from "../config/places.ts";
import { terminalLook, toLine } from "../log_line.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { type LogEnd, type LogLine, readLastLines } from "./log_pieces.ts";
import { toVisible } from "./visible_text.ts";
import type { Terminal } from "./terminal.ts";

/** How many lines are shown without `--lines`. */
const linesShown = 100;

/** Prints the last lines, and with `-f` each new one until Ctrl-C. */
export async function runLogs(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const { platform: { system }, terminal, json, signal } = context;
  const { dataDirectory } = context.places;
  const isAudit = values.flag("audit");
  const path = isAudit ? auditPath(dataDirectory) : `${dataDirectory}/logs/server.log`;
  const name = values.argument("NAME");
  const follows = values.flag("follow");
  if (!follows && system.describe(path) === undefined) {
    throw new CommandError(
      "notFound",
      isAudit
        ? `Cannot find an audit trail at ${path}; start the gateway with MCP_AUDIT=on`
        : `Cannot find a log at ${path}; no gateway has written there`,
    );
  }
  const linesMax = readCount(values.option("lines"));
  const matches = (line: LogLine): boolean => name === undefined || concerns(line, name);
  const { lines, end } = await readLastLines(system, path, matches, linesMax);
  if (json && !follows) {
    terminal.print(JSON.stringify(lines.flatMap(({ record }) => record ?? []), null, 2));
    return exitCodes.ok;
  }
  const print = isAudit ? printRecord : printLine;
  for (const line of lines) print(line, context);
  if (lines.length === 0 && name !== undefined) {
    terminal.note(`Found no line about server "${name}" in ${path}`);
  }
  if (!follows) return exitCodes.ok;
  await follow(end, matches, (line) => print(line, context), signal);
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

function readCount(text: string | undefined): number {
  if (text === undefined) return linesShown;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new CommandError("usage", `Cannot use --lines=${JSON.stringify(text)}: expected a number`);
}

/** Whether a record is about a server: it names it, or its source does. */
function concerns({ record }: LogLine, name: string): boolean {
  if (record === undefined) return false;
  const { server, source, servers } = record;
  return server === name || source === `upstream.${name}` ||
    (Array.isArray(servers) && servers.includes(name));
}

async function follow(
  end: LogEnd,
  matches: (line: LogLine) => boolean,
  print: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for await (const line of end.more()) if (matches(line)) print(line);
    await Promise.race([sleep(systemClock, defaultLimits.logPollMs), aborted(signal)]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** One record: as the console of the gateway shows it, or as it stands in the file. */
function printLine(
  { text, record }: LogLine,
  { terminal, json }: { readonly terminal: Terminal; readonly json: boolean },
): void {
  if (json) {
    if (record !== undefined) terminal.print(text);
    return;
  }
  if (record === undefined) return terminal.print(toVisible(text));
  const look = terminal.isTerminal ? terminalLook(terminal.style, systemClock.wall) : undefined;
  terminal.print(toLine(record, look));
}

/** One record of the audit trail: how it ended, whose it was, what it is about, and the rest. */
function printRecord(
  line: LogLine,
  context: { readonly terminal: Terminal; readonly json: boolean },
): void {
  if (line.record === undefined || context.json) return printLine(line, context);
  const { time, event, outcome, step, principal, role, instance: _, ...rest } = line.record;
  const level = outcome ?? step ?? "";
  const text = toLine({
    time,
    level,
    source: principal ?? role ?? "",
    message: event,
    ...rest,
  });
  const isGood = outcome === undefined || outcome === "ok" || outcome === "paused";
  context.terminal.print(isGood ? text : context.terminal.style("warn", text));
}
