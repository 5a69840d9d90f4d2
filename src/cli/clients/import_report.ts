/** What `import` tells: never a value, and never a path of arguments. */
import { oneLine } from "../../one_line.ts";
import type { Terminal } from "../terminal.ts";
import { type FoundFile, namesIn, reachOf } from "./found_servers.ts";
import type { ImportedServer, ImportPlan } from "./import_plan.ts";
import type { SecretVariables } from "./secret_variables.ts";

/** The outcome of an import. */
export interface ImportReport {
  readonly files: readonly FoundFile[];
  readonly plan: ImportPlan;
  readonly variables: SecretVariables;
  readonly configPath: string;
  readonly envPath: string;
}

/** Lists what was found, before the question. */
export function notePlan(
  files: readonly FoundFile[],
  { imported, skipped }: ImportPlan,
  terminal: Terminal,
): void {
  if (files.length === 0) terminal.note("Found no file of a client on this machine.");
  for (const { file, servers, notes } of files) {
    terminal.note(`${file.client.label}: ${file.path} (${servers.length})`);
    for (const note of notes) terminal.note(`  ${note}`);
  }
  for (const one of imported) for (const line of linesOf(one)) terminal.note(line);
  for (const { found, reason } of skipped) {
    terminal.note(`- ${plain(found.name)} (${found.file.client.label}): not imported: ${reason}`);
  }
  if (imported.length === 0) terminal.note("Nothing to import.");
}

function linesOf(one: ImportedServer): string[] {
  const { name, found, entry, alsoIn, needs, problem } = one;
  const labels = [found, ...alsoIn].map(({ file }) => file.client.label);
  const env = namesIn(entry, "env");
  const headers = namesIn(entry, "headers");
  const details = [
    plain(reachOf(found.entry ?? {})),
    ...(env.length === 0 ? [] : [`env ${list(env)}`]),
    ...(headers.length === 0 ? [] : [`headers ${list(headers)}`]),
  ];
  return [
    `+ ${plain(name)} (${[...new Set(labels)].join(", ")}): ${details.join("; ")}`,
    ...(found.dropped.length === 0
      ? []
      : [`    without ${list(found.dropped)}, which the gateway does not use`]),
    ...(needs.length === 0 ? [] : [`    needs ${list(needs)}: set it in .env`]),
    ...(problem === undefined || needs.length > 0
      ? []
      : [`    will not start: ${oneLine(problem, problemCharsMax)}`]),
  ];
}

const wordCharsMax = 80;
const problemCharsMax = 400;

/** A text of a file on one line: a terminal obeys what it cannot show. */
const plain = (text: string): string => oneLine(text, wordCharsMax);
const list = (texts: readonly string[]): string => texts.map(plain).join(", ");

/** Says what was written, and which servers clients now have twice. */
export function tellTwice(report: ImportReport, terminal: Terminal): void {
  const { plan, variables, configPath, envPath } = report;
  const names = plan.imported.map(({ name }) => name);
  if (names.length === 0) return;
  terminal.print(`Added to ${configPath}: ${list(names)}`);
  if (variables.added.size > 0) {
    terminal.print(`Added to ${envPath}: ${[...variables.added.keys()].join(", ")}`);
  }
  for (const { client, path, names, isConnected } of twice(report)) {
    terminal.print(
      isConnected
        ? `${client} now has servers twice: ${list(names)}; remove its own entries from ${path}`
        : `When you connect ${client} to the gateway, it has servers twice: ${list(names)}; ` +
          `then remove its own entries from ${path}`,
    );
  }
}

/** The imported servers of each file, and whether the file has the gateway, too. */
function twice({ files, plan }: ImportReport) {
  return files.flatMap(({ file, servers }) => {
    const names = plan.imported.filter(({ found, alsoIn }) =>
      [found, ...alsoIn].some((one) => one.file === file)
    ).map(({ name }) => name);
    const isConnected = servers.some(({ isOwn }) => isOwn);
    return names.length === 0
      ? []
      : [{ client: file.client.label, path: file.path, names, isConnected }];
  });
}

/** The same for scripts. */
export function toImportJson(report: ImportReport) {
  const { files, plan, variables, configPath, envPath } = report;
  return {
    files: files.map(({ file, notes }) => ({ client: file.client.id, path: file.path, notes })),
    imported: plan.imported.map(({ name, found, entry, alsoIn, needs, problem }) => ({
      name,
      client: found.file.client.id,
      alsoIn: alsoIn.map(({ file }) => file.client.id),
      reach: reachOf(found.entry ?? {}),
      env: namesIn(entry, "env"),
      headers: namesIn(entry, "headers"),
      dropped: found.dropped,
      needs,
      ...(problem === undefined ? {} : { problem }),
    })),
    skipped: plan.skipped.map(({ found, reason }) => ({
      name: found.name,
      client: found.file.client.id,
      reason,
    })),
    config: configPath,
    ...(variables.added.size === 0
      ? {}
      : { envFile: envPath, variables: [...variables.added.keys()] }),
    twice: twice(report),
  };
}
