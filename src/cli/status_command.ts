/** `status`: the running gateway and the state of each server, with what to do about broken ones. */
import { defaultLimits } from "../limits.ts";
import { identity } from "../version.ts";
import { requireGateway } from "./admin_client.ts";
import type { GatewayView, ServerView } from "./admin_forms.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { toInstanceLines } from "./instance_lines.ts";
import { printResult } from "./output.ts";
import { toLoginTable } from "./login_table.ts";
import { isShown, toLoginLines } from "./login_words.ts";
import { isBroken, toAdvice, toProblem, toStateWords, waitsForLogin } from "./server_advice.ts";
import { findServer } from "./found_names.ts";
import { type Cell, count, toTable, toWords, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { toAgo, toDuration } from "./times.ts";

/** Prints the state of all servers, or all that is known of one. */
export async function runStatus(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const gateway = await requireGateway(context);
  const view = await gateway.status();
  const name = values.argument("NAME");
  const { terminal } = context;
  if (name === undefined) {
    printResult(context, view, () => [
      ...toHead(view, terminal),
      "",
      ...toServerTable(view.servers, terminal),
      ...toLogins(view.servers, terminal),
      ...toChangedLines(view.servers, terminal),
      ...view.servers.flatMap((server) => toProblemLines(server, terminal)),
      ...toProfiles(view, terminal),
      ...toInstanceLines(view, terminal),
    ]);
  } else {
    const server = findServer(view.servers, name);
    printResult(context, server, () => [
      ...toDetails(server),
      ...toProblemLines(server, terminal),
    ]);
  }
  return exitCodes.ok;
}

function toHead(
  { version, url, pid, runtime, startedAt, config, data, auth, servers }: GatewayView,
  terminal: Terminal,
): string[] {
  const upMs = Date.now() - Date.parse(startedAt);
  const waiting = servers.filter(waitsForLogin).length;
  const broken = servers.filter(isBroken).length - waiting;
  return [
    `${identity.name} ${version} at ${terminal.style("strong", `${url}/mcp`)}`,
    `up ${toDuration(upMs)}, process ${pid}, ${runtime}`,
    `configuration ${config}`,
    `data ${data}`,
    // Older gateways do not say it.
    ...(auth === undefined ? [] : [toAccessLine(auth)]),
    `${count(servers.length, "server")}, ${
      broken === 0 ? "none broken" : terminal.style("bad", `${broken} broken`)
    }${waiting === 0 ? "" : `, ${terminal.style("warn", toWaiting(waiting))}`}`,
  ];
}

/** The profiles by their names, and why one cannot be used. */
function toProfiles({ profiles = [] }: GatewayView, { width, style }: Terminal): string[] {
  if (profiles.length === 0) return [];
  const names = profiles.map(({ name }) => toWords(name, defaultLimits.serverNameCharsMax));
  return [
    "",
    ...wrap(`${count(profiles.length, "profile")}: ${names.join(", ")}`, width),
    ...profiles.flatMap(({ name, problem }) =>
      problem === undefined
        ? []
        : wrap(`${name}: ${problem}`, width).map((line) => style("bad", line))
    ),
  ];
}

function toWaiting(servers: number): string {
  return `${servers} ${servers === 1 ? "waits" : "wait"} for a log-in`;
}

function toAccessLine(auth: readonly string[]): string {
  if (auth.length === 0 || auth.includes("none")) return "clients do not authenticate";
  return `clients authenticate by ${auth.join(" or ")}: ${identity.name} connect CLIENT ` +
    "says what each needs";
}

const columns = [
  { title: "NAME", isCut: true },
  { title: "STATE" },
  { title: "SINCE" },
  { title: "TOOLS", isRight: true },
  { title: "RESTARTS", isRight: true },
  { title: "CALLS", isRight: true },
  { title: "MEDIAN", isRight: true },
];

function toServerTable(servers: readonly ServerView[], terminal: Terminal): string[] {
  if (servers.length === 0) return ["No server is configured"];
  const now = Date.now();
  const rows = servers.map((server): Cell[] => {
    const { name, state, since, tools, restarts, calls, medianMs } = server;
    const { words, style } = toStateWords(state);
    return [
      { text: toWords(name, defaultLimits.serverNameCharsMax), style: "strong" },
      style === undefined ? words : { text: words, style },
      toAgo(Date.parse(since), now),
      tools === undefined ? "-" : String(tools),
      String(restarts),
      String(calls),
      medianMs === undefined ? "-" : toDuration(medianMs),
    ];
  });
  return toTable(columns, rows, terminal);
}

/** The log-ins at servers that asked for one. */
function toLogins(servers: readonly ServerView[], terminal: Terminal): string[] {
  const logins = servers.flatMap(({ name, login }) =>
    login !== undefined && isShown(login) ? [{ name, ...login }] : []
  );
  return logins.length === 0 ? [] : ["", ...toLoginTable(logins, terminal)];
}

/** The servers with tools that are not as they were first seen. */
function toChangedLines(servers: readonly ServerView[], { style }: Terminal): string[] {
  const lines = servers.flatMap((server) => {
    const changed = toChanged(server);
    const name = toWords(server.name, defaultLimits.serverNameCharsMax);
    return changed === undefined ? [] : [style("warn", `${name}: changed ${changed}`)];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

function toProblemLines(server: ServerView, { width, style }: Terminal): string[] {
  const problem = toProblem(server);
  if (problem === undefined) return [];
  return [
    "",
    ...wrap(`${server.name}: ${problem}`, width).map((line) =>
      style(waitsForLogin(server) ? "warn" : "bad", line)
    ),
    // An entry is to be copied as it is.
    ...toAdvice(server, true).flatMap((line) =>
      line.startsWith(" ") ? [line] : wrap(line, width, "  ")
    ),
  ];
}

function toDetails(server: ServerView): string[] {
  const { serverInfo, medianMs, calls, failures } = server;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["name", server.name],
    [
      "state",
      `${toStateWords(server.state).words}, ${toAgo(Date.parse(server.since), Date.now())}`,
    ],
    ["kind", server.kind],
    ["from", server.source === "file" ? "mcp.json" : server.source],
    ["url", server.url],
    ["server", serverInfo && `${serverInfo.name} ${serverInfo.version}`],
    ["protocol", server.revision],
    ["offers", toOffers(server)],
    ...toLoginLines(server.login, Date.now()).map((line) => ["log-in", line] as const),
    ["changed", toChanged(server)],
    ["restarts", String(server.restarts)],
    ["calls", `${calls}, ${failures} failed`],
    ["median", medianMs === undefined ? undefined : toDuration(medianMs)],
    ["last error", server.lastError],
  ];
  return rows.flatMap(([title, text]) =>
    text === undefined
      ? []
      : [`${title.padEnd(titleChars)}${toWords(text, defaultLimits.describedCharsMax)}`]
  );
}

/** What to do about tools that are not as they were first seen; undefined if all are. */
function toChanged({ name, changedTools = 0 }: ServerView): string | undefined {
  if (changedTools === 0) return undefined;
  return `${count(changedTools, "tool")}: ${identity.name} changes ${name}`;
}

const titleChars = "last error  ".length;

/** "14 tools, 2 prompts"; undefined while nothing is known. */
export function toOffers(
  { tools, prompts, resources }: Pick<ServerView, "tools" | "prompts" | "resources">,
): string | undefined {
  const parts = [
    ...(tools === undefined ? [] : [count(tools, "tool")]),
    ...(prompts === undefined ? [] : [count(prompts, "prompt")]),
    ...(resources === undefined ? [] : [count(resources, "resource")]),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}
