/**
 * `auth`: log-ins at protected servers. `login` makes a link, opens it in a browser if there is one,
 * and waits until the person has logged in; `status` lists who has a grant; `logout` revokes.
 */
import { sleep, systemClock } from "../clock.ts";
import { defaultLimits, msPerSecond } from "../limits.ts";
import { identity } from "../version.ts";
import { type AccessAction, chooseAction, requireArgument } from "./access_action.ts";
import type { GrantView } from "./admin_forms.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { findServer } from "./found_names.ts";
import { type OpenedLogins, withLogins } from "./login_gateway.ts";
import { toLoginTable } from "./login_table.ts";
import { toExpiry, toOwner, toScopes } from "./login_words.ts";
import { openBrowser } from "./open_browser.ts";
import { printDone, printResult } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import { toDuration } from "./times.ts";

const nameOf = (values: CommandValues) => requireArgument(values, "NAME", "server");

const login: AccessAction = async (context, values) => {
  const name = nameOf(values);
  const principal = values.option("principal");
  const waitMs = toWaitMs(values.option("timeout"));
  const grant = await withLogins(context, true, async (logins) => {
    const before = await readEnds(logins, name, principal);
    const known = new Set(before.grants.map(identityOf));
    const { url } = await logins.makeLink(name, principal);
    const isOpened = !values.flag("noBrowser") && !context.json && await openBrowser(context, url);
    context.terminal.note(
      isOpened
        ? "A browser opens. If it does not, open this link (valid once, for ten minutes):"
        : "Open this link in a browser (valid once, for ten minutes):",
    );
    context.terminal.note(url);
    return await withProgress(
      context,
      `Waiting for the log-in at ${name}`,
      () =>
        untilGranted(
          context,
          waitMs,
          async () => {
            const { grants, failed } = await readEnds(logins, name, principal);
            const grant = grants.find((one) => !known.has(identityOf(one)));
            // The link is used up, so nothing is left to wait for.
            if (grant === undefined && failed !== undefined && failed.at !== before.failed?.at) {
              throw new CommandError("failed", `Cannot log in: ${failed.problem}`);
            }
            return grant;
          },
        ),
    );
  });
  printDone(context, { name, ...grant }, [
    `Logged in at "${name}" for ${toOwner(grant)}`,
    `  issuer   ${grant.issuer}`,
    `  scopes   ${toScopes(grant)}`,
    `  expires  ${toExpiry(grant, Date.now())}`,
  ]);
};

/** How log-ins of a principal at a server ended: its grants, and the latest if it failed. */
async function readEnds(logins: OpenedLogins, name: string, principal: string | undefined) {
  const found = (await logins.list()).find((one) => one.name === name);
  // What is wrong with the name is said when the link is made.
  const grants = (found?.grants ?? []).filter((grant) => grant.principal === principal);
  const failed = found?.failedLogin;
  return { grants, failed: failed?.principal === principal ? failed : undefined };
}

/** Two log-ins differ in this. */
const identityOf = ({ issuer, grantedAt }: GrantView): string => `${issuer} ${grantedAt}`;

/** Seconds as a person writes them. */
function toWaitMs(text: string | undefined): number {
  const { loginWaitMs, loginWaitMsMax } = defaultLimits;
  if (text === undefined) return loginWaitMs;
  const ms = /^\d+$/.test(text) ? Number(text) * msPerSecond : NaN;
  if (ms > 0 && ms <= loginWaitMsMax) return ms;
  throw new CommandError(
    "usage",
    `Cannot use --timeout "${text}": expected seconds from 1 to ${loginWaitMsMax / msPerSecond}`,
  );
}

async function untilGranted(
  { signal }: CommandContext,
  waitMs: number,
  look: () => Promise<GrantView | undefined>,
): Promise<GrantView> {
  const end = systemClock.monotonic() + waitMs;
  for (;;) {
    const grant = await look();
    if (grant !== undefined) return grant;
    if (signal.aborted) throw new CommandError("interrupted", "Interrupted");
    if (systemClock.monotonic() >= end) {
      throw new CommandError(
        "needsPerson",
        `Cannot log in: no log-in ended within ${toDuration(waitMs)}; try again`,
      );
    }
    await sleep(systemClock, defaultLimits.loginPollMs, signal);
  }
}

const status: AccessAction = async (context, values) => {
  const name = values.argument("NAME");
  const all = await withLogins(context, false, (logins) => logins.list());
  const shown = name === undefined ? all : [findServer(all, name)];
  printResult(context, { logins: shown }, () => {
    if (shown.length === 0) return ["No server is configured that may need a log-in"];
    return toLoginTable(shown, context.terminal);
  });
};

const logout: AccessAction = async (context, values) => {
  const name = nameOf(values);
  const principal = values.option("principal");
  const revoked = await withLogins(context, false, (logins) => logins.logOut(name, principal));
  const whose = principal === undefined ? "" : ` for ${principal}`;
  printDone(context, { name, revoked }, [
    revoked === 0
      ? `There is no log-in at "${name}"${whose}; ${identity.name} auth status lists all`
      : `Logged out at "${name}"${whose}: revoked ${revoked} ${revoked === 1 ? "grant" : "grants"}`,
  ]);
};

/** Logs in, shows log-ins, and logs out. */
export const runAuth = chooseAction({ login, status, logout });
