/** `service`: has the system's service manager run the gateway at log-in. */
import { folderOf } from "../config/path.ts";
import { defaultLimits } from "../limits.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import type { ServiceManager, ServicePlace, ServiceStep } from "./service/service_manager.ts";
import { managerOf, placeOf, specOf } from "./service/service_plan.ts";

/** What the actions work on. */
interface Service {
  readonly manager: ServiceManager;
  readonly place: ServicePlace;
  readonly file: string;
}

type Action = (
  context: CommandContext,
  values: CommandValues,
  service: Service,
) => Promise<ExitCode>;

const actions: Readonly<Record<string, Action>> = { install, uninstall, status };

/** Anyone may read the file: it holds no secrets. */
const fileMode = 0o644;
const folderMode = 0o755;

/** Installs or uninstalls the service, or shows its state. */
export async function runService(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const name = values.argument("ACTION") ?? "";
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    const known = Object.keys(actions).join(", ");
    throw new CommandError("usage", `Cannot read the action "${name}"; expected ${known}`);
  }
  const manager = managerOf(context);
  const place = await placeOf(context);
  return await action(context, values, { manager, place, file: manager.file(place) });
}

async function install(
  context: CommandContext,
  values: CommandValues,
  { manager, place, file }: Service,
): Promise<ExitCode> {
  const { system } = context.platform;
  const text = manager.text(specOf(context, values));
  const steps = manager.install(place);
  if (values.flag("dryRun")) {
    const words = wordsOf(steps);
    say(context, { file, text, steps: words }, [`# ${file}`, text, "# then", ...words]);
    return exitCodes.ok;
  }
  system.makeFolder(folderOf(file), folderMode);
  await system.replaceFile(file, text, fileMode);
  await runSteps(context, steps);
  say(context, { file, isInstalled: true }, [`Installed ${file}`, manager.advice]);
  return exitCodes.ok;
}

async function uninstall(
  context: CommandContext,
  values: CommandValues,
  { manager, place, file }: Service,
): Promise<ExitCode> {
  const { system } = context.platform;
  const before = manager.uninstall(place);
  const after = manager.forget(place);
  if (values.flag("dryRun")) {
    const steps = [...wordsOf(before), `rm ${file}`, ...wordsOf(after)];
    say(context, { file, steps }, steps);
    return exitCodes.ok;
  }
  if (system.describe(file) === undefined) throw notInstalled(file);
  await runSteps(context, before);
  system.removeFile(file);
  await runSteps(context, after);
  say(context, { file, isInstalled: false }, [`Removed ${file}`]);
  return exitCodes.ok;
}

async function status(
  context: CommandContext,
  _values: CommandValues,
  { manager, place, file }: Service,
): Promise<ExitCode> {
  if (context.platform.system.describe(file) === undefined) throw notInstalled(file);
  const state = manager.read(await runSteps(context, manager.inspect(place)));
  say(context, { file, isInstalled: true, ...state }, [
    `${file}: ${state.isRunning ? "running" : "not running"}, ` +
    (state.isEnabled ? "starts at log-in" : "does not start at log-in"),
  ]);
  return state.isRunning ? exitCodes.ok : exitCodes.failed;
}

const notInstalled = (file: string): CommandError =>
  new CommandError(
    "notFound",
    `No service is installed: there is no ${file}; install one with mcp-wrapper service install`,
  );

const wordsOf = (steps: readonly ServiceStep[]): string[] =>
  steps.map(({ command }) => command.join(" "));

/** Runs one step after the other; throws at the first that must not fail and does. */
async function runSteps({ platform }: CommandContext, steps: readonly ServiceStep[]) {
  const { system, runtime } = platform;
  const outcomes = [];
  for (const { command: [program, ...args], mayFail = false } of steps) {
    const outcome = await system.run(program, {
      args,
      env: runtime.env,
      withinMs: defaultLimits.serviceStepMs,
      outputBytesMax: defaultLimits.serviceOutputBytesMax,
    }).catch((fault) => {
      throw new CommandError("failed", `Cannot run "${program}": ${toWords(fault)}`);
    });
    if (outcome.code !== 0 && !mayFail) {
      const words = `${outcome.stderr}${outcome.stdout}`.trim();
      throw new CommandError("failed", `Cannot run "${[program, ...args].join(" ")}": ${words}`);
    }
    outcomes.push(outcome);
  }
  return outcomes;
}

const toWords = (fault: unknown): string => fault instanceof Error ? fault.message : String(fault);

function say(
  { json, terminal }: CommandContext,
  value: Readonly<Record<string, unknown>>,
  lines: readonly string[],
): void {
  if (json) return terminal.print(JSON.stringify(value));
  for (const line of lines) terminal.print(line);
}
