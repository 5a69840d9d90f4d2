/** Finds out what the checks look at: the gateway, the configuration and the servers. */
import { noDirectory } from "../../config/places.ts";
import { inspectData } from "../../app.ts";
import { findGateway } from "../admin_client.ts";
import type { CommandContext } from "../command.ts";
import { readServersHere } from "../server_steering.ts";
import { readStart } from "../start/read_start.ts";
import { type Examination, reasonOf } from "./finding.ts";

/** Never rejects: what fails is a finding. */
export async function examine(context: CommandContext): Promise<Examination> {
  const [gateway, read] = await Promise.all([
    findRunning(context),
    readStart(context.platform, context).catch((fault) => ({ startProblem: reasonOf(fault) })),
  ]);
  const isRunning = gateway.running !== undefined || gateway.gatewayProblem !== undefined;
  const mayOpenData = !isRunning && await isSound(context).catch(() => false);
  const known = { ...gateway, mayOpenData };
  if ("startProblem" in read) return { context, ...known, ...read, servers: [] };
  const { start, env, note } = read;
  const own = { ...context, env };
  // With those of the registry, where that may be read.
  const servers = mayOpenData
    ? await readServersHere(own).then((all) => all.servers.servers, () => start.config.servers)
    : start.config.servers;
  return { context: own, ...known, start, servers, pathNote: note?.text };
}

async function findRunning(
  context: CommandContext,
): Promise<Pick<Examination, "running" | "gatewayProblem">> {
  try {
    const gateway = await findGateway(context);
    return gateway === undefined ? {} : { running: { gateway, view: await gateway.status() } };
  } catch (fault) {
    return { gatewayProblem: reasonOf(fault) };
  }
}

/** A start sets a corrupt database aside and corrects modes; doctor only looks. */
async function isSound(
  { places: { dataDirectory }, platform: { runtime, system } }: CommandContext,
): Promise<boolean> {
  const path = `${dataDirectory}/mcp-wrapper.db`;
  const facts = dataDirectory === noDirectory ? undefined : system.describe(path);
  if (facts === undefined) return true;
  if ((facts.mode & 0o077) !== 0) return false;
  const { database } = await inspectData(runtime, path);
  return database.state === "sound" && database.version === database.ownVersion;
}
