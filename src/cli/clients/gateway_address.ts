/**
 * How clients reach this gateway: the URL of the running one, else the one that the configuration
 * gives it, and the command line that serves it over stdio.
 */
import * as v from "valibot";
import type { GatewayConfig } from "../../config/config.ts";
import { readConfig, type StartConfig } from "../../config/environment.ts";
import { noDirectory } from "../../config/places.ts";
import { isOwnUrl, type OwnAddress } from "../../config/own_address.ts";
import { identity } from "../../version.ts";
import type { CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import { gatewayFileForm, gatewayFilePath } from "../start/gateway_file.ts";
import { isInLauncherCache } from "../launcher_cache.ts";
import { endpointOf, stdioWords, type SurfaceChoice } from "../surface_choice.ts";
import type { GatewayAddress } from "./client_table.ts";

/**
 * The configuration of this gateway without its servers: a fault in `mcp.json` hides no address, nor
 * does a setting with which no gateway would start.
 */
export function readOwnConfig(
  { platform, env, places }: CommandContext,
): Promise<StartConfig> {
  return readConfig({
    env: { ...env, MCP_ALLOW_UNAUTHENTICATED: "true" },
    places,
    cwd: platform.cwd,
    kinds: [],
    readText: () => Promise.resolve("{}"),
  });
}

/** This address as the running gateway has it, else as the configuration gives it. */
export async function ownAddressOf(
  context: CommandContext,
  { config }: StartConfig,
): Promise<OwnAddress> {
  const running = await runningUrl(context);
  if (running === undefined || running === config.publicUrl) return config;
  const { hostname, port, protocol } = new URL(running);
  const usual = protocol === "https:" ? 443 : 80;
  return { ...config, host: hostname, port: Number(port || usual) };
}

/** The address of a surface that clients use; `headers` are those that they send. */
export async function addressOf(
  context: CommandContext,
  { config }: StartConfig,
  headers: Readonly<Record<string, string>>,
  choice: SurfaceChoice,
): Promise<GatewayAddress> {
  const base = await runningUrl(context) ?? configuredUrl(config);
  return addressAt(context, base, headers, choice);
}

/** The address of the gateway whose endpoints are at this base. */
export function addressAt(
  context: Pick<CommandContext, "platform" | "places">,
  base: string,
  headers: Readonly<Record<string, string>>,
  choice: SurfaceChoice,
): GatewayAddress {
  const [command, ...args] = programOf(context);
  return {
    url: `${base}${endpointOf(choice)}`,
    headers,
    command,
    args: [...args, "stdio", ...stdioWords(choice), ...placesOf(context)],
  };
}

/** The base of the endpoints of the gateway that runs on the data folder; undefined if none does. */
async function runningUrl({ platform, places }: CommandContext): Promise<string | undefined> {
  const { dataDirectory } = places;
  if (dataDirectory === noDirectory) return undefined;
  const text = await platform.runtime.readText(gatewayFilePath(dataDirectory));
  const file = v.safeParse(v.pipe(v.string(), v.parseJson(), gatewayFileForm), text);
  // A killed gateway leaves its file behind.
  return file.success && platform.system.isAlive(file.output.pid) ? file.output.url : undefined;
}

/** Whether an entry of a client is this gateway itself, by its URL or its program. */
export function isOwnEntry(entry: Readonly<Record<string, unknown>>, own: OwnAddress): boolean {
  const words = [entry["command"], ...toWords(entry["args"])].filter((word) =>
    typeof word === "string"
  );
  const urls = ["url", "serverUrl", "httpUrl", "uri"].map((key) => entry[key]);
  const isOwn = (text: unknown) => typeof text === "string" && isOwnUrl(text, own);
  return urls.some(isOwn) || words.some(isOwn) ||
    (words.includes("stdio") && words.some(isOwnProgram));
}

function toWords(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `mcp-wrapper`, a version of its package, or a program of its source. */
function isOwnProgram(word: string): boolean {
  return /(?:^|[\\/])mcp-wrapper(?:@[\w.-]+|\.\w+)?$|[\\/]src[\\/]main[\\/](?:bun|deno|node)\.[jt]s$/
    .test(word) || /[\\/]mcp-wrapper[\\/].*\.js$/.test(word);
}

function configuredUrl({ host, port }: GatewayConfig): string {
  if (port === 0) {
    throw new CommandError(
      "noGateway",
      "Cannot tell the gateway's URL: MCP_PORT=0 lets each start choose a port, and no gateway runs; " +
        "set MCP_PORT to a fixed port",
    );
  }
  const isAny = host === "0.0.0.0" || host === "::";
  const name = isAny ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/**
 * What a package runner fetched may be removed at any time, so the runner fetches it again: the
 * program, or only the runtime of a program that stays, such as a clone that `npx bun` starts.
 */
function programOf(
  { platform: { self } }: Pick<CommandContext, "platform">,
): readonly [string, ...string[]] {
  const [program, ...args] = self;
  if (isInLauncherCache(self.at(-1) ?? program)) return ["npx", "-y", identity.name];
  const [, runtime] = /([^\\/]+?)(?:\.exe)?$/i.exec(program) ?? [];
  if (!isInLauncherCache(program) || runtime === undefined) return self;
  return ["npx", "-y", runtime, ...args];
}

/** Clients start programs in folders of their own, so the places are absolute. */
function placesOf({ platform, places }: Pick<CommandContext, "platform" | "places">): string[] {
  const { configPath, isUsualConfig, dataDirectory } = places;
  // Elsewhere a file that is named must exist.
  const takesConfig = isUsualConfig || platform.system.describe(configPath) !== undefined;
  return [
    ...(takesConfig ? ["--config", configPath] : []),
    ...(dataDirectory === noDirectory ? [] : ["--data", dataDirectory]),
  ];
}
