/**
 * `stdio`: MCP on stdin and stdout, for clients that start a command. It joins the gateway on the
 * data folder, or starts one that lives until the last `stdio` has left. It ends at the end of its
 * stdin, on a signal, and when the program that started it is gone.
 */
import { systemClock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { noDirectory } from "../config/places.ts";
import { findGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { exitCodes } from "./exit_codes.ts";
import { runBridge } from "./stdio/bridge.ts";
import { createGatewaySource, type GatewayEndpoint } from "./stdio/gateway_source.ts";
import { startDetached } from "./stdio/gateway_start.ts";
import { createLineOutput } from "./stdio/line_output.ts";
import { chooseSurface, endpointOf } from "./surface_choice.ts";

/** Runs until the client has left. */
export async function runStdio(context: CommandContext, values: CommandValues): Promise<undefined> {
  const { platform, terminal } = context;
  const { runtime, system } = platform;
  const limits: Limits = { ...defaultLimits, ...platform.limits };
  const { dataDirectory } = context.places;
  if (dataDirectory === noDirectory) {
    throw new CommandError(
      "usage",
      "Cannot join a gateway with --data :memory:, which cannot be found; name a folder",
    );
  }
  const note = (line: string) => terminal.note(line);
  platform.onFault((fault) => note(`Unexpected fault: ${textOf(fault)}`));
  const out = createLineOutput((text) => system.write("stdout", text), limits);
  const choice = chooseSurface(values, values.option("server") ?? values.argument("NAME"));
  const find = createFinder(context, `/admin${endpointOf(choice)}`);
  const source = createGatewaySource({
    clock: systemClock,
    limits,
    note,
    find,
    start: () => startDetached({ context, dataDirectory, limits, clock: systemClock, find }),
    attach: (endpoint, signal) => attach(context, endpoint, signal, limits),
  });
  const leaving = untilOrphaned(context, limits);
  await runBridge({
    http: { source, request: runtime.request, clock: systemClock, limits },
    out,
    input: system.stdin(),
    limits,
    note,
    signal: leaving,
  });
  source.close();
  // A client that reads neither output must not keep the program.
  const flushed = Promise.all([out.flush(), terminal.flush()]);
  await withDeadline(systemClock, limits.flushMs, flushed, () => {});
  platform.exit(exitCodes.ok);
  return undefined;
}

function textOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

function createFinder(context: CommandContext, path: string) {
  return async (): Promise<GatewayEndpoint | undefined> => {
    const gateway = await findGateway(context).catch((fault) => {
      throw new GatewayError("gateway_unavailable", textOf(fault), {
        data: { outcome: "not_sent" },
      });
    });
    return gateway && {
      url: `${gateway.adminUrl}${path}`,
      headers: { authorization: gateway.authorization },
      instance: gateway.file.instance,
      attachUrl: `${gateway.adminUrl}/admin/attach`,
    };
  };
}

/** Holds the attachment open; see attachments.ts. */
async function attach(
  { platform: { runtime } }: CommandContext,
  { attachUrl, headers }: GatewayEndpoint,
  signal: AbortSignal,
  { connectMs }: Limits,
): Promise<{ readonly ended: Promise<void> }> {
  const { status, body } = await runtime.request({
    url: attachUrl,
    method: "GET",
    headers: { ...headers, accept: "text/event-stream" },
    signal,
    connectMs,
    allowAddress: () => true,
  });
  if (status !== 200) {
    await body.cancel();
    throw new GatewayError("gateway_unavailable", `The gateway refuses to be joined (${status})`);
  }
  const read = async () => {
    try {
      for await (const _ of body);
    } catch {
      // The gateway is gone, or this program has left.
    }
  };
  return { ended: read() };
}

/** Aborts on a signal, and when the parent process is gone. */
function untilOrphaned(
  { platform: { system }, signal }: CommandContext,
  { parentCheckMs }: Limits,
): AbortSignal {
  const parent = system.parentPid();
  const leaving = new AbortController();
  signal.addEventListener("abort", () => leaving.abort());
  const timer = setInterval(() => {
    if (system.parentPid() === parent) return;
    clearInterval(timer);
    leaving.abort();
  }, parentCheckMs);
  return leaving.signal;
}
