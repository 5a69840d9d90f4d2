/**
 * The service that runs the gateway at log-in: its file has a PATH of its own, which may lack a
 * program that was installed since.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { findProgram } from "../../config/find_program.ts";
import { folderOf } from "../../config/path.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { managerOf, placeOf } from "../service/service_plan.ts";
import { isProgram } from "../start/login_path.ts";
import { type Examination, type Finding, fine, warning } from "./finding.ts";

/** The value of PATH in a unit of systemd and in an agent of launchd. */
const pathForms: readonly RegExp[] = [
  /(?<before>^Environment="?PATH=)(?<path>[^"\n]*)/m,
  /(?<before><key>PATH<\/key>\s*<string>)(?<path>[^<]*)/,
];

/** A folder that both files hold without an escape. */
const plainFolder = /^[\w./@+-]+$/;

/** Whether the programs of servers are on the PATH of the service. */
export async function checkService(examination: Examination): Promise<Finding[]> {
  const { context, servers } = examination;
  const { runtime, system } = context.platform;
  if (system.platform !== "linux" && system.platform !== "darwin") return [];
  const file = managerOf(context).file(await placeOf(context));
  const text = await runtime.readText(file);
  if (text === undefined) return [fine("No service is installed")];
  const form = pathForms.find((one) => one.test(text));
  const path = form === undefined ? "" : form.exec(text)?.groups?.["path"] ?? "";
  const find = (command: string, folders: string) =>
    findProgram(command, folders, (one) => isProgram(one, system));
  const lacking = servers.flatMap((server) => {
    if (!isOfKind<StdioServerConfig>(server, "stdio")) return [];
    const { command, environment } = server;
    const here = find(command, environment["PATH"] ?? "");
    return here === undefined || find(command, path) !== undefined
      ? []
      : [{ command, folder: folderOf(here) }];
  });
  if (lacking.length === 0) return [fine(`The service finds all programs (${file})`)];
  const folders = [...new Set(lacking.map(({ folder }) => folder))];
  const finding = warning(
    `The PATH of the service lacks ${folders.join(", ")}, with ${
      [...new Set(lacking.map(({ command }) => command))].join(", ")
    } (${file})`,
    "mcp-wrapper service install, run in a terminal, writes the PATH of that terminal",
  );
  if (form === undefined || !folders.every((folder) => plainFolder.test(folder))) return [finding];
  const mode = system.describe(file)?.mode ?? 0o644;
  return [{
    ...finding,
    repair: {
      text: `Add ${
        folders.join(", ")
      } to the PATH in ${file}; it counts when the service starts again`,
      apply: () => system.replaceFile(file, withFolders(text, form, folders), mode),
    },
  }];
}

/** The file with these folders at the end of its PATH. */
export function withFolders(text: string, form: RegExp, folders: readonly string[]): string {
  return text.replace(
    form,
    (_whole, before: string, path: string) =>
      before + [path, ...folders].filter((one) => one !== "").join(":"),
  );
}
