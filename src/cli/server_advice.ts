/** What is wrong with a server and what to do about it, for `status` and `test`. */
import { defaultLimits } from "../limits.ts";
import { identity } from "../version.ts";
import { isConnectTool } from "../app.ts";
import type { JsonObject } from "../model.ts";
import type { LoginView, ServerView } from "./admin_forms.ts";
import { toOwner } from "./login_words.ts";
import { toWords } from "./table.ts";
import type { Style } from "./colours.ts";

/** How a state is shown. */
interface StateWords {
  readonly words: string;
  readonly style: Style | undefined;
}

const states: Readonly<Record<string, StateWords>> = {
  running: { words: "running", style: "good" },
  starting: { words: "starting", style: undefined },
  queued: { words: "queued", style: "faint" },
  idle: { words: "idle", style: "faint" },
  disabled: { words: "disabled", style: "faint" },
  needs_login: { words: "needs log-in", style: "warn" },
  failing: { words: "failing", style: "bad" },
  crash_loop: { words: "crash loop", style: "bad" },
  failed: { words: "failed", style: "bad" },
};

/** The words for a state. */
export function toStateWords(state: string): StateWords {
  return states[state] ?? { words: state, style: undefined };
}

/** What advice needs of a server. */
export type AdvisedServer =
  & Pick<ServerView, "name" | "state" | "kind">
  & Partial<Pick<ServerView, "error" | "lastError" | "login">>;

/** Whether a server does not work now. */
export function isBroken({ state, error }: Pick<AdvisedServer, "state" | "error">): boolean {
  return error !== undefined || states[state]?.style === "bad" || waitsForLogin({ state });
}

/** Whether a server only waits for a log-in. */
export function waitsForLogin({ state }: Pick<AdvisedServer, "state">): boolean {
  return state === "needs_login";
}

/**
 * Whether a command, which acts for no principal, cannot use a server at which each principal logs
 * in. `tools`: what was listed to the command; undefined: nothing was.
 */
export function lacksOwnLogin(
  server: AdvisedServer,
  tools: readonly JsonObject[] | undefined,
): boolean {
  const { name, login } = server;
  if (login?.grant !== "each") return false;
  if (waitsForLogin(server) || tools?.some((tool) => isConnectTool(tool, name)) === true) {
    return true;
  }
  return tools === undefined && !isBroken(server) && askedStates.has(login.state);
}

/** The states of log-ins at a server that has asked for one. */
const askedStates: ReadonlySet<string> = new Set(["granted", "needed"]);

/** What such a server needs, and who has it: it goes on after the server's name. */
export function toEachNeed({ login }: Pick<AdvisedServer, "login">): string {
  const owners = [...new Set((login?.grants ?? []).map(toOwner))];
  return `needs a log-in of each person; granted to ${owners.join(", ") || "none so far"}`;
}

/** Why a server does not work; undefined if it does. */
export function toProblem(server: AdvisedServer): string | undefined {
  if (!isBroken(server)) return undefined;
  const { lastError, error, state } = server;
  return toWords(lastError ?? error ?? toStateWords(state).words, defaultLimits.describedCharsMax);
}

/**
 * What to do about it, one sentence or command a line; empty if it works. `isLogged`: a running
 * gateway has it in its log.
 */
export function toAdvice(server: AdvisedServer, isLogged: boolean): string[] {
  const { name, kind, login } = server;
  if (!isBroken(server)) return [];
  if (waitsForLogin(server)) return [...toOtherLogins(login), ...toLoginAdvice(name, login)];
  if (kind === "failed") return ["Correct its entry; a running gateway reads mcp.json again."];
  if (!isLogged) return [`Correct that, and try again: ${identity.name} test ${toShellWord(name)}`];
  return [
    `See its output: ${identity.name} logs ${toShellWord(name)}; ` +
    `try again: ${identity.name} test ${toShellWord(name)}`,
  ];
}

/** A check acts for no principal, so it says nothing of those that are logged in. */
function toOtherLogins(login: AdvisedServer["login"]): string[] {
  return login?.grant === "each" && login.grants.length > 0
    ? ["Principals that are logged in can use it; this check has no log-in of its own."]
    : [];
}

/** What the operator does for a missing log-in; `login`: what is known of the log-ins. */
export function toLoginAdvice(
  name: string,
  login: Pick<LoginView, "grant"> | undefined,
): string[] {
  const command = `${identity.name} auth login ${toShellWord(name)}`;
  if (login === undefined) {
    return [
      'If a person can log in there, remove "oauth": false, "credentials" and the headers ' +
      "Authorization and Cookie from its entry.",
    ];
  }
  if (login.grant !== "each") return [`Log in: ${command}`];
  return [
    "Each principal logs in: a call shows a link to the person who makes it. " +
    `For one of them: ${command} --principal ID`,
  ];
}

/** A word as a shell takes it. */
export function toShellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
