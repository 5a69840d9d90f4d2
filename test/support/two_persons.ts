/**
 * Two persons as clients of one gateway: each calls in both eras, with and without sessions, and each
 * answer is looked at: it names its own person, and not the other one.
 */
import type { JsonObject } from "../../src/model.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";
import { openBrowser } from "./oauth_person.ts";
import { envelope, mirror } from "./stateless_client.ts";
import { personHeader } from "./two_persons_server.ts";

/** The persons; each name is in no other text. */
export const persons = ["ann-of-the-east", "ben-of-the-west"] as const;

/** One of them. */
export type Person = (typeof persons)[number];

/** The names of the configured servers, and the paths at which they are served themselves. */
export const serverNames = ["calls", "sessions"] as const;

/** One of the servers. */
export type ServerName = (typeof serverNames)[number];

/** What came of a call. */
export type Outcome =
  | "own"
  /** The server needs a log-in of this person. */
  | "login"
  /** There was no answer, or one about a gateway that ends. */
  | "lost"
  /** Anything else; the text is the answer. */
  | { readonly wrong: string };

/** The clients of one person. */
export interface PersonClients {
  readonly person: Person;
  /** One call: `random` chooses era, path and method. */
  call(random: () => number): Promise<Outcome>;
  /** Logs in at a server by the link that its connect tool gives. */
  logIn(server: ServerName): Promise<void>;
  /** The sessions are gone with the gateway that had them. */
  forget(): void;
}

/** What a person's clients need. */
export interface PersonClientsOptions {
  readonly person: Person;
  readonly key: string;
  /** The gateway's URL without a path. */
  readonly url: string;
  /** Every body that comes. */
  readonly seen: (body: string) => void;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly session: string | null;
}

/** What is called at a server: the method, and its parameters; `prefix` is in front of names. */
type Called = (server: ServerName, prefix: string) => readonly [method: string, params: JsonObject];

const calls: readonly Called[] = [
  () => ["tools/list", {}],
  () => ["resources/list", {}],
  (_, prefix) => ["tools/call", { name: `${prefix}whoami`, arguments: {} }],
  (_, prefix) => ["tools/call", { name: `${prefix}whoami`, arguments: {} }],
  (server) => ["resources/read", { uri: `person://${server}/me` }],
  (_, prefix) => [
    "tools/call",
    { name: `${prefix}count`, arguments: {}, _meta: { progressToken: "p" } },
  ],
];

/** Makes the clients of a person. */
export function createPersonClients(options: PersonClientsOptions): PersonClients {
  const { person, key, url, seen } = options;
  const sessions = new Map<string, Promise<string>>();
  let id = 0;

  const post = async (path: string, message: JsonObject, headers: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { ...jsonHeaders, ...headers, authorization: `Bearer ${key}` },
      body: JSON.stringify(message),
    });
    const body = await response.text();
    seen(body);
    return { status: response.status, body, session: response.headers.get("mcp-session-id") };
  };
  const open = async (path: string): Promise<string> => {
    const { session, body } = await post(path, initialize("2025-11-25"), {});
    if (session === null) throw new Error(`No session: ${body}`);
    const headers = { "mcp-session-id": session };
    await post(path, { jsonrpc: "2.0", method: "notifications/initialized" }, headers);
    return session;
  };
  const inSession = async (path: string, method: string, params: JsonObject): Promise<Answer> => {
    const opening = sessions.get(path) ?? open(path);
    sessions.set(path, opening);
    const session = await opening.catch((thrown: unknown) => {
      sessions.delete(path);
      throw thrown;
    });
    const message = { jsonrpc: "2.0", id: id += 1, method, params };
    const answer = await post(path, message, { "mcp-session-id": session });
    if (answer.status === 404) sessions.delete(path);
    return answer;
  };
  const stateless = async (path: string, method: string, params: JsonObject): Promise<Answer> => {
    const { _meta: meta = {}, ...given } = params as { _meta?: JsonObject };
    const message = {
      jsonrpc: "2.0",
      id: id += 1,
      method,
      params: { ...given, _meta: { ...envelope(), ...meta } },
    };
    return await post(path, message, mirror(method, given as JsonObject));
  };

  return {
    person,
    async call(random) {
      const choose = <Item>(items: readonly Item[]): Item =>
        items[Math.floor(random() * items.length)] as Item;
      const server = choose(serverNames);
      const isMerged = random() < 0.4;
      const path = isMerged ? "/mcp" : `/servers/${server}/mcp`;
      const send = choose([inSession, stateless]);
      const [method, params] = choose(calls)(server, isMerged ? `${server}__` : "");
      try {
        return judge(person, await send(path, method, params), "_meta" in params ? 4 : 1);
      } catch {
        return "lost";
      }
    },
    async logIn(server) {
      const asked = await stateless(`/servers/${server}/mcp`, "tools/call", {
        name: `connect_${server}`,
        arguments: {},
      });
      const link = /http:[^\s"\\]+\?link=[\w-]+/.exec(asked.body)?.[0];
      if (link === undefined) throw new Error(`No link: ${asked.body}`);
      const browser = openBrowser(async (request) => {
        const headers = new Headers(request.headers);
        headers.set(personHeader, person);
        const answer = await fetch(new Request(request, { headers }));
        const html = await answer.text();
        if (request.url.startsWith(url)) seen(html);
        const { status } = answer;
        return new Response(status === 204 ? null : html, { status, headers: answer.headers });
      });
      const page = await browser.open(link);
      const issuer = (await browser.submit(page, {})).leavesTo;
      if (issuer === undefined) throw new Error(`No way to the issuer: ${page.html}`);
      const back = await browser.open(issuer);
      if (back.leavesTo === undefined) throw new Error(`No way back: ${back.html}`);
      const done = await browser.open(back.leavesTo);
      if (done.status !== 200) throw new Error(`The log-in failed: ${done.html}`);
    },
    forget: () => sessions.clear(),
  };
}

/** Words of answers without a log-in; what a person without one cannot list, does not exist. */
const needs = /login_required|connect_(?:calls|sessions)|needs a log-in|Unknown tool|not found: /;

/** Words of answers that say what the gateway does just now, and not what a server said. */
const losses = /shutting down|upstream_exited|took effect is unknown/;

/** What an answer says about its person; a stream names the person in each of its messages. */
function judge(person: Person, { status, body }: Answer, namedMin: number): Outcome {
  if (persons.some((other) => other !== person && body.includes(other))) return { wrong: body };
  // A merged list has what the other server shows.
  if (body.split(person).length > namedMin) return "own";
  if (needs.test(body)) return "login";
  if (status === 404 || status === 503 || losses.test(body)) return "lost";
  return { wrong: `status ${status}: ${body}` };
}
