/**
 * Answers calls of connect tools: with the link to the log-in, or with the word that the log-in is
 * there already. The call reaches no server. A server's own tool of that name is called as any
 * other one.
 */
import type { Ending, Exchange, JsonObject } from "../../model.ts";
import { identity } from "../../version.ts";
import { connectName, isConnectList, oauthOf } from "../connect_tool.ts";
import { promisedExchange } from "../exchange.ts";
import { askFirst } from "./consent.ts";
import type { CallContext, MakeStep, StepDeps, Target } from "./steps.ts";

/** Makes the step. */
export const makeConnectStep: MakeStep = (deps) => ({
  name: "connect",
  before(context) {
    const { call: { method }, target } = context;
    if (method !== "tools/call" || target === undefined || !mayBeConnectTool(target)) return;
    return answer(context, target, deps);
  },
});

function mayBeConnectTool({ server: { config }, item }: Target): boolean {
  return oauthOf(config)?.connectTool === true && item?.own === connectName(config);
}

async function answer(
  context: CallContext,
  target: Target,
  deps: StepDeps,
): Promise<Ending | Exchange | undefined> {
  const { call: { caller }, principal } = context;
  const { server } = target;
  const { name } = server.config;
  const options = { patience: { kind: "call" } } as const;
  const { items, error } = await deps.catalog.part("tools", server, caller, options);
  const isMissing = isConnectList(items) ||
    await deps.logins.hasGrant(name, principal) === false;
  if (!isMissing) {
    if (items.some((item) => item["name"] === target.item?.own)) return undefined;
    if (error !== undefined) throw error;
    return { kind: "result", value: toText(alreadyText(name)) };
  }
  const open = async (): Promise<Ending> => {
    const url = await deps.logins.urlOf(name, principal);
    return { kind: "result", value: toText(linkText(name, url)) };
  };
  if (context.consent !== "needed") return await open();
  context.use = deps.servers.use(server);
  return askFirst(context, target, () => promisedExchange(open()), deps);
}

function toText(text: string): JsonObject {
  return { content: [{ type: "text", text }] };
}

function linkText(server: string, url: string | undefined): string {
  return url === undefined
    ? `The operator has to log in at the server "${server}". The command for it is: ` +
      `${identity.name} auth login ${server}`
    : `To log in at the server "${server}", open this link in a browser: ${url}\n` +
      `${lifeText(url)}The tools of the server are listed after the log-in.`;
}

/** A page that asks for the log-in itself has no link that expires. */
function lifeText(url: string): string {
  return new URL(url).search === "" ? "" : "The link is valid for ten minutes and works once. ";
}

function alreadyText(server: string): string {
  return `The log-in at the server "${server}" is there already. List the tools again.`;
}
