/**
 * Calls to one server, or to all, for `tools`, `call` and `test`: through the gateway that runs, or
 * through one in this process while none does.
 */
import type { GatewayHandle } from "../app.ts";
import type { FailedServerConfig } from "../config/config.ts";
import { isOfKind } from "../config/server_kind.ts";
import { GatewayError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import type { Answer, Ask, Ending, Exchange, JsonObject, Notice } from "../model.ts";
import { findGateway, type RunningGateway } from "./admin_client.ts";
import type { ServerView } from "./admin_forms.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { openRelay, openServersHere } from "./local_gateway.ts";
import { findProfile, findServer } from "./found_names.ts";
import { readServersHere } from "./server_steering.ts";
import { type SurfaceChoice, surfaceOf } from "./surface_choice.ts";

/** What a command calls. */
export interface CalledSurface {
  readonly gateway: Pick<GatewayHandle, "call" | "servers" | "logins">;
  /** The name of the surface there. */
  readonly surface: string;
  /** Absent: none runs, and the calls are made in this process. */
  readonly running: RunningGateway | undefined;
}

/** Opens a surface for a piece of work, and closes it. */
export async function withSurface<Value>(
  context: CommandContext,
  choice: SurfaceChoice,
  work: (surface: CalledSurface) => Promise<Value>,
): Promise<Value> {
  const running = await findGateway(context);
  const opened = running === undefined
    ? await openHere(context, choice)
    : await openThere(context, running, choice);
  try {
    return await work({ ...opened, running });
  } finally {
    await opened.gateway.close();
  }
}

/** The servers of the surface's gateway, with their log-ins. */
export async function serversOf(
  { gateway, running }: Pick<CalledSurface, "gateway" | "running">,
): Promise<readonly SurfaceServer[]> {
  if (running !== undefined) return (await running.status()).servers;
  const logins = new Map((await gateway.logins.list()).map((login) => [login.name, login]));
  return gateway.servers().map((server) => ({ ...server, login: logins.get(server.name) }));
}

/** What is known of a server, whichever gateway says it. */
export type SurfaceServer = ReturnType<GatewayHandle["servers"]>[number] | ServerView;

async function openThere(
  context: CommandContext,
  running: RunningGateway,
  choice: SurfaceChoice,
) {
  if (choice?.kind === "servers") {
    assertEnabled(findServer((await running.status()).servers, choice.name));
  } else if (choice !== undefined) {
    assertUsable(findProfile(await running.profiles.list(), choice.name));
  }
  return await openRelay(context, running, choice);
}

async function openHere(context: CommandContext, choice: SurfaceChoice) {
  const { servers: all, listed, ...start } = await readServersHere(context);
  const { profiles = [], secrets } = all;
  if (choice?.kind === "servers") assertEnabled(findServer(listed, choice.name));
  const profile = choice?.kind === "profiles" ? findProfile(profiles, choice.name) : undefined;
  assertUsable(profile);
  const isMeant = (name: string): boolean =>
    profile === undefined
      ? choice === undefined || choice.name === name
      : profile.servers.some((server) => server.name === name);
  const servers = all.servers.filter(({ name }) => isMeant(name));
  const [only] = servers;
  if (
    choice?.kind === "servers" && only !== undefined &&
    isOfKind<FailedServerConfig>(only, "failed")
  ) {
    throw new CommandError("usage", `Cannot use server "${choice.name}": ${only.problem}`);
  }
  const config = { ...start.config, secrets, profiles };
  const gateway = await openServersHere(context, { ...start, config }, servers);
  return { gateway, surface: surfaceOf(choice) };
}

function assertUsable(
  profile: { readonly name: string; readonly problem?: string | undefined } | undefined,
): void {
  if (profile?.problem === undefined) return;
  throw new CommandError("usage", `Cannot use profile "${profile.name}": ${profile.problem}`);
}

function assertEnabled({ name, enabled }: { readonly name: string; readonly enabled: boolean }) {
  if (enabled) return;
  throw new CommandError("failed", `Cannot use server "${name}": it is disabled; enable it first`);
}

/** What a command does with the replies of a call before its end. */
export interface ReplyReader {
  notice?(notice: Notice): void;
  /** Absent: every question is refused, as is one that it cannot answer. */
  answer?(ask: Ask): Promise<Answer>;
}

const refusal: Answer = { kind: "refusal", ...new GatewayError("ask_unanswerable").toRpc() };

/** Reads a call to its end; an interruption cancels it. */
export function readToEnd(
  exchange: Exchange,
  { notice, answer }: ReplyReader,
  signal: AbortSignal,
): Promise<Ending> {
  const cancel = (): void => exchange.cancel("The person at the command line interrupted it");
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  return new Promise<Ending>((resolve) => {
    exchange.read((reply) => {
      if (reply.kind === "notice") return notice?.(reply);
      if (reply.kind !== "ask") return resolve(reply);
      const answered = answer?.(reply) ?? Promise.resolve(refusal);
      void answered.catch(() => refusal).then((value) => exchange.answer(reply.id, value));
    });
  }).finally(() => signal.removeEventListener("abort", cancel));
}

/** The whole list of a surface, its pages drained. Throws a CommandError if it fails. */
export async function listAll(
  { gateway, surface }: CalledSurface,
  method: string,
  key: string,
  signal: AbortSignal,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  let cursor: unknown;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const ending = await readToEnd(gateway.call(surface, { method, params }), {}, signal);
    // A server without the capability has an empty list.
    if (ending.kind === "failure" && ending.error.code === "method_not_found") return [];
    const value = valueOf(ending, signal);
    const page = value[key];
    if (Array.isArray(page)) items.push(...page.filter(isJsonObject));
    cursor = value["nextCursor"];
  } while (cursor !== undefined);
  return items;
}

/** The value of a result. Throws a CommandError for any other ending. */
export function valueOf(ending: Ending, signal: AbortSignal): JsonObject {
  if (ending.kind === "result") return ending.value;
  if (signal.aborted) throw new CommandError("interrupted", "Interrupted");
  const reason = ending.kind === "failure"
    ? ending.error.message
    : "The server needs an answer that the command line cannot give";
  throw new CommandError("failed", reason);
}
