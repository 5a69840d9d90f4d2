/** The running gateway, the port, and its public address. */
import { gatewayFilePath } from "../start/gateway_file.ts";
import { noDirectory } from "../../config/places.ts";
import { identity } from "../../version.ts";
import type { CommandContext } from "../command.ts";
import { type Examination, type Finding, fine, problem, reasonOf, warning } from "./finding.ts";
import { request, toFaultFinding } from "./probe.ts";

/** Whether a gateway runs, or could start. */
export async function checkGateway(examination: Examination): Promise<Finding[]> {
  const { running, gatewayProblem } = examination;
  if (gatewayProblem !== undefined) return [warning(gatewayProblem)];
  if (running === undefined) {
    return [...checkStaleFile(examination), ...await checkPort(examination)];
  }
  const { view } = running;
  const found = [fine(`A gateway runs at ${view.url}/mcp (process ${view.pid}, ${view.runtime})`)];
  if (view.version !== identity.version) {
    found.push(warning(
      `It has version ${view.version}, and this command ${identity.version}`,
      "restart the gateway",
    ));
  }
  const { configPath } = examination.context.places;
  if (view.config !== configPath) {
    found.push(warning(
      `It reads ${view.config}, and this command ${configPath}`,
      `name its file: --config ${view.config}`,
    ));
  }
  const { publicUrl } = view;
  const own = examination.start?.config.publicUrl;
  if (examination.start !== undefined && publicUrl !== own) {
    found.push(warning(
      `Its MCP_PUBLIC_URL is ${publicUrl ?? "not set"}, and that of this command ${
        own ?? "not set"
      }`,
      "restart the gateway, or set the variable where both read it, in the .env next to mcp.json",
    ));
  }
  return found;
}

/** A gateway that was killed leaves its file. */
function checkStaleFile({ context: { places, platform: { system } } }: Examination): Finding[] {
  const path = gatewayFilePath(places.dataDirectory);
  if (places.dataDirectory === noDirectory || system.describe(path) === undefined) {
    return [fine("No running gateway uses these files")];
  }
  return [warning(
    `${path} is from a gateway that was killed`,
    "nothing needs to be done: the next start replaces it",
  )];
}

/** Whether a gateway could listen. */
async function checkPort({ context, start }: Examination): Promise<Finding[]> {
  if (start === undefined) return [];
  const { host, port } = start.config;
  if (port === 0) return [fine("MCP_PORT=0: each start takes any free port")];
  const hostname = host.toLowerCase() === "localhost" ? "127.0.0.1" : host;
  try {
    const listener = await context.platform.runtime.serve({
      hostname,
      port,
      listener: "fast",
      fetch: () => Promise.resolve(new Response(null, { status: 503 })),
    });
    await listener.close(0);
    return [fine(`Port ${port} is free`)];
  } catch (fault) {
    const other = await isGateway(context, port)
      ? "a gateway with other files has it; name its data folder by --data, or choose another MCP_PORT"
      : "stop the program that has it, or choose another MCP_PORT";
    return [problem(reasonOf(fault), other)];
  }
}

async function isGateway(context: CommandContext, port: number): Promise<boolean> {
  const answer = await request(context, `http://127.0.0.1:${port}/health`);
  return "text" in answer && /"status":"(?:healthy|degraded|unhealthy)"/.test(answer.text);
}

/** Whether clients reach the gateway by the URL that MCP_PUBLIC_URL names. */
export async function checkPublicUrl({ context, start, running }: Examination): Promise<Finding[]> {
  const url = start?.config.publicUrl ?? running?.view.publicUrl;
  if (url === undefined) return [fine("MCP_PUBLIC_URL is not set: only this machine is expected")];
  if (running === undefined) {
    return [warning(`${url} cannot be checked`, "start the gateway, and run doctor again")];
  }
  const answer = await request(context, `${url}/health`);
  if ("fault" in answer) return [toFaultFinding(url, answer.fault)];
  const { status, text } = answer;
  if (status === 403) {
    return [problem(
      `${url} answers 403: the gateway refuses the Host that the proxy passes on`,
      "let the proxy keep the Host of the client, or list the name in MCP_ALLOWED_HOSTS",
    )];
  }
  if (status === 200 && text.includes('"status":')) return [fine(`${url} reaches the gateway`)];
  return [problem(
    `${url}/health answers ${status} and not as the gateway`,
    "let the proxy pass on that address, with all paths below it, to the gateway",
  )];
}
