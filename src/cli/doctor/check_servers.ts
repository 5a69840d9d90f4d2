/**
 * Each server: whether its program is found, whether it shakes hands, and whether clients take its
 * tools. A running gateway is asked for what it knows; without one each server is started here.
 */
import { sleep, systemClock } from "../../clock.ts";
import type { ServerConfig, StdioServerConfig } from "../../config/config.ts";
import { findProgram } from "../../config/find_program.ts";
import { noDirectory } from "../../config/places.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { defaultLimits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import type { ServerView } from "../admin_forms.ts";
import { isConnectTool } from "../../app.ts";
import { clients } from "../clients/client_table.ts";
import { CommandError } from "../command_error.ts";
import { openRelay, openServersHere } from "../local_gateway.ts";
import { toGrantLine } from "../login_words.ts";
import {
  type AdvisedServer,
  isBroken,
  lacksOwnLogin,
  toAdvice,
  toEachNeed,
  toLoginAdvice,
  toProblem,
} from "../server_advice.ts";
import { listAll, serversOf } from "../server_calls.ts";
import { isProgram } from "../start/login_path.ts";
import { toDuration } from "../times.ts";
import { type Examination, type Finding, fine, problem, reasonOf, warning } from "./finding.ts";

/** The program of each server that is run by a command. */
export function checkPrograms(
  { servers, pathNote, context: { platform: { system } } }: Examination,
): Promise<Finding[]> {
  if (system.platform === "win32") return Promise.resolve([]);
  const found = servers.flatMap((server): Finding[] => {
    if (!isOfKind<StdioServerConfig>(server, "stdio")) return [];
    const { name, command, environment, cwd } = server;
    const path = findProgram(command, environment["PATH"] ?? "", (one) => isProgram(one, system));
    const missing = path === undefined
      ? [problem(
        `Server "${name}": program "${command}" is not ${
          command.includes("/") ? "there, or not executable" : "on PATH"
        }`,
        'install it, or correct "command" (an absolute path needs no PATH)',
      )]
      : [fine(`Server "${name}": ${path}`)];
    const folder = cwd === undefined ? undefined : system.describe(cwd);
    return folder === undefined || folder.kind === "folder"
      ? missing
      : [...missing, problem(`Server "${name}": ${cwd} is no folder`, 'correct its "cwd"')];
  });
  return Promise.resolve(pathNote === undefined ? found : [fine(pathNote), ...found]);
}

/** Shakes hands with every server, and looks at what all of them offer together. */
export async function checkServers(examination: Examination): Promise<Finding[]> {
  const { context, running, gatewayProblem, servers, start } = examination;
  if (running === undefined && gatewayProblem !== undefined) {
    return [warning("Not started: a gateway that does not answer may be running them")];
  }
  const usable = servers.filter(({ kind }) => kind !== "failed");
  if (running === undefined && (usable.length === 0 || start === undefined)) return [];
  try {
    const { gateway, surface } = await openSurface(examination, usable);
    try {
      const calls = { gateway, surface, running: running?.gateway };
      // It fails if no server works; each of them then says why.
      const listed = await listAll(calls, "tools/list", "tools", context.signal)
        .then((tools) => ({ tools }), (fault: unknown) => ({ fault }));
      const shown = await settled(
        () => serversOf(calls),
        context.signal,
      );
      const tools = "tools" in listed ? listed.tools : undefined;
      const lacks = (view: ServerFacts) => lacksOwnLogin(view, tools);
      if ("fault" in listed && !shown.some((view) => isBroken(view) || lacks(view))) {
        throw listed.fault;
      }
      return [
        ...shown.map((view) =>
          lacks(view) ? toEachFinding(view) : toFinding(view, running !== undefined)
        ),
        ...shown.flatMap(toLoginFindings),
        ...(tools === undefined ? [] : checkTools(withoutConnectTools(tools, shown))),
      ];
    } finally {
      await gateway.close();
    }
  } catch (fault) {
    if (context.signal.aborted) throw new CommandError("interrupted", "Interrupted");
    return [problem(`The servers cannot be listed: ${reasonOf(fault)}`)];
  }
}

/** The servers in use, when each knows how much it offers: a moment after its tools were listed. */
async function settled<View extends ServerFacts & Pick<ServerView, "enabled">>(
  read: () => Promise<readonly View[]>,
  signal: AbortSignal,
): Promise<readonly View[]> {
  const { offersMs, offersPollMs } = defaultLimits;
  const end = systemClock.monotonic() + offersMs;
  for (;;) {
    const views = (await read()).filter(({ enabled, kind }) => enabled && kind !== "failed");
    const isSettled = views.every((view) =>
      isBroken(view) || lacksOwnLogin(view, undefined) || view.tools !== undefined
    );
    if (isSettled || systemClock.monotonic() >= end) return views;
    await sleep(systemClock, offersPollMs, signal);
    signal.throwIfAborted();
  }
}

/** All servers: those of the running gateway, or started here. */
async function openSurface(
  { context, running, start, mayOpenData }: Examination,
  servers: readonly ServerConfig[],
) {
  if (running !== undefined) return await openRelay(context, running.gateway, undefined);
  if (start === undefined) throw new Error("the configuration cannot be read");
  // Opening a corrupt database would set it aside.
  const config = mayOpenData
    ? start.config
    : { ...start.config, dataDirectory: noDirectory, store: "memory" };
  const gateway = await openServersHere(context, { ...start, config }, servers);
  return { gateway, surface: "/mcp" };
}

/** The tools that servers have; a connect tool only stands in for those of its server. */
function withoutConnectTools(
  tools: readonly JsonObject[],
  servers: readonly ServerFacts[],
): readonly JsonObject[] {
  return tools.filter((tool) => !servers.some(({ name }) => isConnectTool(tool, name)));
}

/** Where each principal logs in: a log-in of one is enough, since this check can try none. */
function toEachFinding(view: ServerFacts): Finding {
  const text = `Server "${view.name}" ${toEachNeed(view)}`;
  return view.login?.state === "granted"
    ? fine(text)
    : warning(text, ...toLoginAdvice(view.name, view.login));
}

function toFinding(view: ServerFacts, isLogged: boolean): Finding {
  if (!isBroken(view)) return fine(describe(view));
  const tell = view.state === "needs_login" ? warning : problem;
  return tell(
    `Server "${view.name}" does not work: ${toProblem(view)}`,
    ...toAdvice(view, isLogged),
  );
}

/** Each grant at a server, and what is wrong with it; the finding above says that one is missing. */
function toLoginFindings({ name, login }: ServerFacts): Finding[] {
  if (login === undefined) return [];
  const now = Date.now();
  return login.grants.map((grant) => {
    const text = `Log-in at "${name}" ${toGrantLine(grant, now)}`;
    return grant.failure === undefined
      ? fine(text)
      : warning(text, ...(grant.failure.isFinal ? toLoginAdvice(name, login) : []));
  });
}

/** What a finding says of a server. */
interface ServerFacts extends AdvisedServer {
  readonly revision?: string | undefined;
  readonly tools?: number | undefined;
  readonly medianMs?: number | undefined;
}

function describe({ name, revision, tools, medianMs }: ServerFacts): string {
  const facts = [
    ...(tools === undefined ? [] : [`${tools} ${tools === 1 ? "tool" : "tools"}`]),
    ...(revision === undefined ? [] : [`protocol ${revision}`]),
    ...(medianMs === undefined ? [] : [`median call ${toDuration(medianMs)}`]),
  ];
  return `Server "${name}" works${facts.length === 0 ? "" : `: ${facts.join(", ")}`}`;
}

/** A name that the gateway had to cut ends so. */
const cutName = /_[0-9a-f]{8}$/;
const nameCharsMax = 64;

/** The tools of all servers together, as clients see them on /mcp. */
export function checkTools(tools: readonly JsonObject[]): Finding[] {
  const names = tools.map(({ name }) => String(name));
  const cut = names.filter((name) => name.length === nameCharsMax && cutName.test(name));
  const crowded = clients.filter(({ toolsMax }) =>
    toolsMax !== undefined && tools.length > toolsMax
  );
  return [
    ...(cut.length === 0 ? [] : [warning(
      `${cut.length} names of tools are too long or not unique and were cut, such as ${cut[0]}`,
      "give their server a shorter name",
    )]),
    ...crowded.map(({ label, toolsMax }) =>
      warning(
        `${tools.length} tools are more than ${label} takes (${toolsMax})`,
        'choose some by "tools" in mcp.json, or connect it to a profile: ' +
          "mcp-wrapper profiles add NAME --servers NAMES",
      )
    ),
    ...(cut.length + crowded.length === 0
      ? [fine(`${tools.length} ${tools.length === 1 ? "tool" : "tools"} together on /mcp`)]
      : []),
  ];
}
