/**
 * The person behind the driver's client: looks for the link to the log-in in what the gateway answers,
 * and follows it like a browser to the suite's authorization server and back.
 */
import { type Client, ProtocolError } from "@modelcontextprotocol/client";
import { openBrowser } from "../support/oauth_person.ts";
import { until } from "../support/wait.ts";
import type { Json } from "./fixture_model.ts";

/** The tool that every protected server of the suite offers. */
const offered = "test-tool";

/** What came of a call; `login`: its person has to log in at the link first. */
type Called =
  | { readonly state: "login"; readonly link: string }
  | { readonly state: "answered" }
  | { readonly state: "failed"; readonly error: unknown };

/** The link in the text of a result; undefined: it has none. */
function linkIn(content: readonly Json[]): string | undefined {
  const text = content.map((part) => part["text"]).join("\n");
  return /https?:\/\/\S+\/oauth\/connect\/\S+/.exec(text)?.[0];
}

/** Lists the tools and calls the suite's; a tool that stands for them leads to the log-in. */
async function callOnce(client: Client): Promise<Called> {
  try {
    // Right after a log-in the list may still be the one of before.
    return await until("the tools after the log-in", async (): Promise<Called | undefined> => {
      const { tools } = await client.listTools();
      const connect = tools.find(({ name }) => name.startsWith("connect_"))?.name;
      const answer = await client.callTool({ name: connect ?? offered, arguments: {} });
      if (connect === undefined && answer.isError !== true) return { state: "answered" };
      const link = linkIn(answer.content);
      if (link !== undefined) return { state: "login", link };
      return connect === undefined ? { state: "failed", error: answer.content } : undefined;
    });
  } catch (error) {
    const { url } = (error instanceof ProtocolError ? error.data ?? {} : {}) as Json;
    return typeof url === "string" ? { state: "login", link: url } : { state: "failed", error };
  }
}

/** Logs in at a link; returns whether the gateway's last page says that it has the grant. */
async function logIn(link: string): Promise<boolean> {
  const browser = openBrowser();
  const begun = await browser.submit(await browser.open(link), { returnTo: "" });
  if (begun.leavesTo === undefined) return false;
  // Another origin gets no cookie of the gateway. The suite agrees at once.
  const { leavesTo: callback, html } = await openBrowser().open(begun.leavesTo);
  if (callback === undefined) throw new Error(`No redirect from the suite: ${html}`);
  return (await browser.open(callback)).status === 200;
}

/** How the calls at a protected server end. */
export type Ending =
  /** The call is answered, after a log-in or some. */
  | "answered"
  /** The log-in fails, and the call wants one as before. */
  | "refused"
  /** Log-ins give grants that the server refuses, until the call fails without a link. */
  | "given up";

/** What the client does at a protected server. */
export interface ProtectedPart {
  readonly ending: Ending;
  /** It declares questions of mode `url`: a call asks for its log-in, and goes on by itself. */
  readonly showsPages: boolean;
}

/** What the last call comes to, and whether log-ins give grants. */
const steps: Readonly<
  Record<Ending, { readonly last: Called["state"]; readonly grants: boolean }>
> = {
  answered: { last: "answered", grants: true },
  refused: { last: "login", grants: false },
  "given up": { last: "failed", grants: true },
};

/** More log-ins for one call are a loop (MCP authorization, "Step-Up Authorization Flow"). */
const loginsMax = 3;

/** Calls the tool of a protected server, and logs in whenever the gateway asks for it. */
export async function callProtected(
  client: Client,
  { ending, showsPages }: ProtectedPart,
): Promise<void> {
  const { last, grants } = steps[ending];
  let logins = 0;
  let questions = 0;
  const follow = async (link: string) => {
    logins += 1;
    const isGranted = await logIn(link);
    if (isGranted !== grants) throw new Error(`The log-in ${isGranted ? "succeeds" : "fails"}`);
  };
  if (showsPages) {
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      questions += 1;
      await follow("url" in params ? String(params.url) : "");
      return { action: "accept" };
    });
  }
  let called = await callOnce(client);
  while (called.state === "login" && logins < (grants ? loginsMax : 1)) {
    await follow(called.link);
    called = await callOnce(client);
  }
  if (called.state === last && showsPages === questions > 0) return;
  const counts = `${logins} log-ins, ${questions} of them by questions`;
  throw new Error(`The call is "${called.state}" after ${counts}`, { cause: called });
}
