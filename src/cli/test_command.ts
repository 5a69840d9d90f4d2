/**
 * `test`: starts a server, shakes hands, lists what it offers, and says what is wrong. A running
 * gateway does it where it runs the server, with its environment; without one this process does.
 */
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import {
  type AdvisedServer,
  isBroken,
  lacksOwnLogin,
  toAdvice,
  toEachNeed,
  toLoginAdvice,
  toProblem,
} from "./server_advice.ts";
import { toGrantLine, toLoginLines } from "./login_words.ts";
import { type CalledSurface, listAll, serversOf, withSurface } from "./server_calls.ts";
import { findServer } from "./found_names.ts";
import { count, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { toDuration } from "./times.ts";

/** What a test found. */
interface TestOutcome {
  readonly name: string;
  readonly works: boolean;
  /** Each principal logs in there, and a test is none: whether it works is not known. */
  readonly needsLogin?: boolean;
  /** Until the lists were there, or until it failed. */
  readonly ms: number;
  readonly server?: AdvisedServer & {
    readonly revision?: string | undefined;
    readonly serverInfo?: { readonly name: string; readonly version: string } | undefined;
  };
  readonly tools?: number;
  readonly prompts?: number;
  readonly resources?: number;
  readonly problem?: string;
  readonly advice?: readonly string[];
}

/** Tests a server; the exit code says whether it works. */
export async function runTest(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const name = values.argument("NAME") ?? "";
  const outcome = await withProgress(
    context,
    `Testing ${name}`,
    (say) =>
      withSurface(
        context,
        { kind: "servers", name },
        (surface) => testServer(context, surface, name, say),
      ),
  ).catch((fault) => toBrokenEntry(name, fault));
  printResult(context, outcome, () => toLines(outcome, context.terminal));
  if (outcome.needsLogin === true) return exitCodes.needsPerson;
  return outcome.works ? exitCodes.ok : exitCodes.failed;
}

async function testServer(
  { signal }: CommandContext,
  surface: CalledSurface,
  name: string,
  say: (text: string) => void,
): Promise<TestOutcome> {
  const { running } = surface;
  const look = async () => {
    return findServer(await serversOf(surface), name);
  };
  // A test is a new attempt; a server that works keeps its sessions.
  if (running !== undefined && isBroken(await look())) {
    say(`Restarting ${name}`);
    await running.restart(name);
  }
  say(`Waiting for ${name}`);
  const begunAt = performance.now();
  const took = () => Math.round(performance.now() - begunAt);
  try {
    const tools = await listAll(surface, "tools/list", "tools", signal);
    const ms = took();
    const prompts = await listAll(surface, "prompts/list", "prompts", signal);
    const resources = await listAll(surface, "resources/list", "resources", signal);
    const server = await look();
    if (lacksOwnLogin(server, tools)) return toUnknown(server, ms);
    if (isBroken(server)) return toFailure(server, ms, running !== undefined);
    return {
      name,
      works: true,
      ms,
      server,
      tools: tools.length,
      prompts: prompts.length,
      resources: resources.length,
    };
  } catch (fault) {
    if (signal.aborted || !(fault instanceof CommandError)) throw fault;
    const server = await look();
    if (lacksOwnLogin(server, undefined)) return toUnknown(server, took());
    const broken = isBroken(server) ? server : { ...server, error: fault.message };
    return toFailure(broken, took(), running !== undefined);
  }
}

/** The outcome where the test lacks what only a principal has. */
function toUnknown(server: AdvisedServer, ms: number): TestOutcome {
  const { name, login } = server;
  const advice = toLoginAdvice(name, login);
  return { name, works: false, needsLogin: true, ms, server, problem: toEachNeed(server), advice };
}

function toFailure(server: AdvisedServer, ms: number, isLogged: boolean): TestOutcome {
  const problem = toProblem(server) ?? "it does not answer";
  const advice = toAdvice(server, isLogged);
  return { name: server.name, works: false, ms, server, problem, advice };
}

/** An entry that cannot be used is a finding of the test; other faults are not. */
function toBrokenEntry(name: string, fault: unknown): TestOutcome {
  if (!(fault instanceof CommandError) || fault.reason !== "usage") throw fault;
  return {
    name,
    works: false,
    ms: 0,
    problem: fault.message,
    advice: toAdvice({ name, kind: "failed", state: "failed" }, false),
  };
}

/** What came of it, and why. */
function toHeadLines(
  { name, needsLogin, problem = "" }: TestOutcome,
  { style, width }: Pick<Terminal, "style" | "width">,
): string[] {
  return needsLogin === true
    ? wrap(`${name} ${problem}`, width).map((line) => style("warn", line))
    : [style("bad", `${name} does not work`), ...wrap(problem, width, "  ")];
}

function toLines(outcome: TestOutcome, { style, width }: Terminal): string[] {
  const { name, works, ms, server, tools = 0, prompts = 0, resources = 0 } = outcome;
  if (!works) {
    return [
      ...toHeadLines(outcome, { style, width }),
      // Without a grant the problem says it already.
      ...(server?.login?.grants ?? []).flatMap((grant) =>
        wrap(toGrantLine(grant, Date.now()), width, "  ")
      ),
      // An entry is to be copied as it is.
      ...(outcome.advice ?? []).flatMap((line) =>
        line.startsWith(" ") ? [line] : wrap(line, width, "  ")
      ),
    ];
  }
  const { serverInfo, revision } = server ?? {};
  return [
    `${style("good", `${name} works`)}: it answered in ${toDuration(ms)}`,
    ...(serverInfo === undefined ? [] : [`  server    ${serverInfo.name} ${serverInfo.version}`]),
    ...(revision === undefined ? [] : [`  protocol  ${revision}`]),
    `  offers    ${count(tools, "tool")}, ${count(prompts, "prompt")}, ${
      count(resources, "resource")
    }`,
    ...toLoginLines(server?.login, Date.now()).map((line) => `  log-in    ${line}`),
  ];
}
