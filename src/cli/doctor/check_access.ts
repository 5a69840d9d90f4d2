/** How clients authenticate, and whether one can: keys, users and the keys of other issuers. */
import { type AccessFacts, findIssuerProblem, readAccessFacts } from "../../app.ts";
import type { AccessCalls, KeyView } from "../admin_forms.ts";
import { withAccess } from "../access_steering.ts";
import { count } from "../table.ts";
import { type Examination, type Finding, fine, problem, warning } from "./finding.ts";

/** What a client needs to connect. */
export async function checkAccess(examination: Examination): Promise<Finding[]> {
  const { running, start } = examination;
  const kinds = running?.view.auth ?? start?.config.auth?.kinds ?? [];
  if (kinds.length === 0 || kinds.includes("none")) {
    return [fine("Clients do not authenticate: every program of this machine may connect")];
  }
  const settings = start?.config.auth?.settings ?? {};
  const facts = await readAccessFacts({ kinds, settings });
  return [
    fine(`Clients authenticate by ${kinds.join(" or ")}`),
    ...await checkStored(examination, facts),
    ...await checkIssuers(examination, facts),
  ];
}

/** Keys and users, of the running gateway or of the database that none uses. */
async function checkStored(
  { context, running, mayOpenData }: Examination,
  facts: AccessFacts,
): Promise<Finding[]> {
  if (!facts.kinds.some((kind) => kind === "key" || kind === "oauth")) return [];
  const look = async ({ keys, users }: Pick<AccessCalls, "keys" | "users">) => [
    ...(facts.kinds.includes("key") ? checkKeys(await keys.list()) : []),
    ...(facts.kinds.includes("oauth") ? checkUsers((await users.list()).length, facts) : []),
  ];
  if (running !== undefined) return await look(running.gateway);
  return mayOpenData
    ? await withAccess(context, false, look)
    : [fine("Not checked: the keys and users, because the database cannot be opened now")];
}

function checkKeys(keys: readonly KeyView[]): Finding[] {
  const expired = keys.filter(({ isExpired }) => isExpired);
  const valid = keys.length - expired.length;
  return [
    valid > 0
      ? fine(`${count(valid, "key is", "keys are")} valid`)
      : warning("No key is valid", "make one with mcp-wrapper keys add NAME"),
    ...(expired.length === 0 ? [] : [warning(
      `${count(expired.length, "key has", "keys have")} expired: ${
        expired.map(({ name }) => name).join(", ")
      }`,
      "revoke them with mcp-wrapper keys revoke NAME; clients that use them need new keys",
    )]),
  ];
}

function checkUsers(users: number, { server }: AccessFacts): Finding[] {
  if (server?.hasProvider === true) {
    return [fine(`An OpenID provider and ${count(users, "user")} can log in`)];
  }
  if (users > 0) return [fine(`${count(users, "user")} can log in`)];
  return server?.servesMachines === true ? [fine("No user exists: only machines get tokens")] : [
    warning(
      "No user exists and no OpenID provider is set up, so no client can log in",
      "add a user with mcp-wrapper users add NAME, or set auth.oauth.login.openid in mcp.json",
    ),
  ];
}

async function checkIssuers(
  { context: { platform: { runtime }, signal } }: Examination,
  { issuers }: AccessFacts,
): Promise<Finding[]> {
  return await Promise.all(issuers.map(async (one) => {
    const why = await findIssuerProblem(runtime, one, signal);
    return why === undefined ? fine(`The keys of issuer ${one.issuer} can be read`) : problem(
      `The keys of issuer ${one.issuer} cannot be read: ${why}`,
      "its tokens are refused: correct auth.jwt.issuers in mcp.json, or let this machine reach it",
    );
  }));
}
