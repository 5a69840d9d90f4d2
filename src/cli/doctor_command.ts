/**
 * `doctor`: looks at everything that a working gateway needs, and says what to do about each
 * finding. `--fix` asks before each repair, and repairs only what can be undone.
 */
import { confirm } from "./clients/confirmation.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { checkAccess } from "./doctor/check_access.ts";
import { checkClock } from "./doctor/check_clock.ts";
import { checkConfiguration } from "./doctor/check_configuration.ts";
import { checkDatabase } from "./doctor/check_database.ts";
import { checkFiles } from "./doctor/check_files.ts";
import { checkGateway, checkPublicUrl } from "./doctor/check_gateway.ts";
import { checkOutside } from "./doctor/check_outside.ts";
import { checkRuntimes } from "./doctor/check_runtimes.ts";
import { checkPrograms, checkServers } from "./doctor/check_servers.ts";
import { checkService } from "./doctor/check_service.ts";
import { examine } from "./doctor/examine.ts";
import {
  type CheckGroup,
  type Finding,
  type FindingLevel,
  problem,
  reasonOf,
} from "./doctor/finding.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import { count, wrap } from "./table.ts";
import type { Style } from "./colours.ts";
import type { Terminal } from "./terminal.ts";

/** In the order in which they are shown. */
const groups: readonly CheckGroup[] = [
  { name: "Runtimes", check: checkRuntimes },
  { name: "Files", check: checkFiles },
  { name: "Database", check: checkDatabase },
  { name: "Gateway", check: checkGateway },
  { name: "Public address", check: checkPublicUrl },
  { name: "Access", check: checkAccess },
  { name: "From outside", check: checkOutside },
  { name: "Configuration", check: checkConfiguration },
  { name: "Programs", check: checkPrograms },
  { name: "Service", check: checkService },
  { name: "Servers", check: checkServers },
  { name: "Clock", check: checkClock },
];

/** A finding, and whether it was repaired. */
interface GroupFinding extends Finding {
  readonly group: string;
  isRepaired?: boolean;
}

/** Looks at everything; the exit code says whether there is a problem. */
export async function runDoctor(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const found = await withProgress(context, "Checking", (say) => findAll(context, say));
  if (values.flag("fix")) await repairAll(context, found);
  const problems = countOf(found, "problem");
  const warnings = countOf(found, "warning");
  const value = {
    findings: found.map(({ group, level, text, advice = [], repair, isRepaired = false }) => ({
      ...{ group, level, text, advice },
      ...(repair === undefined ? {} : { repair: repair.text, isRepaired }),
    })),
    problems,
    warnings,
  };
  printResult(context, value, () => toLines(found, context.terminal, problems, warnings));
  return problems === 0 ? exitCodes.ok : exitCodes.failed;
}

async function findAll(
  context: CommandContext,
  say: (text: string) => void,
): Promise<GroupFinding[]> {
  const examination = await examine(context);
  const all: GroupFinding[] = [];
  for (const { name, check } of groups) {
    say(`Checking: ${name}`);
    // A check that fails is a finding; the others go on.
    const found = await check(examination).catch((fault) => {
      if (context.signal.aborted) throw fault;
      return [problem(`Cannot check this: ${reasonOf(fault)}`)];
    });
    all.push(...found.map((finding) => ({ ...finding, group: name })));
  }
  return all;
}

async function repairAll(context: CommandContext, found: readonly GroupFinding[]): Promise<void> {
  for (const finding of found) {
    const { repair } = finding;
    if (repair === undefined) continue;
    if (!await confirm(context, `${repair.text}?`)) continue;
    try {
      await repair.apply();
      finding.isRepaired = true;
    } catch (fault) {
      context.terminal.note(`Cannot do this: ${repair.text}: ${reasonOf(fault)}`);
    }
  }
}

const countOf = (found: readonly GroupFinding[], level: FindingLevel): number =>
  found.filter((finding) => finding.level === level && finding.isRepaired !== true).length;

const marks: Readonly<Record<FindingLevel, { readonly word: string; readonly style: Style }>> = {
  ok: { word: "ok", style: "good" },
  warning: { word: "warning", style: "warn" },
  problem: { word: "problem", style: "bad" },
};

const markChars = 9;

function toLines(
  found: readonly GroupFinding[],
  terminal: Terminal,
  problems: number,
  warnings: number,
): string[] {
  const { style, width } = terminal;
  const lines = [...Map.groupBy(found, ({ group }) => group)].flatMap(([group, all]) => [
    style("strong", group),
    ...all.flatMap(({ level, text, advice = [], repair, isRepaired }) => {
      const mark = isRepaired === true ? { word: "fixed", style: "good" as const } : marks[level];
      const indent = " ".repeat(markChars + 2);
      const [first = "", ...more] = wrap(text, width, indent);
      const hint = repair === undefined ? [] : ["or let doctor --fix do it"];
      const tips = isRepaired === true || level === "ok" ? [] : [...advice, ...hint];
      return [
        `  ${style(mark.style, mark.word.padEnd(markChars))}${first.slice(indent.length)}`,
        ...more,
        // An entry is to be copied as it is.
        ...tips.flatMap((tip) =>
          tip.startsWith(" ") ? [`${indent}${tip}`] : wrap(`→ ${tip}`, width, indent)
        ),
      ];
    }),
  ]);
  const sum = problems + warnings === 0
    ? style("good", "All is well")
    : `${count(problems, "problem")}, ${count(warnings, "warning")}`;
  return [...lines, "", sum];
}
