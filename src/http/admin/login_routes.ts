/**
 * The rows of the admin API for log-ins at protected servers: the operator sees who has a grant, the
 * owner makes links and logs out. No row shows a token, except that of a link to the owner.
 */
import * as v from "valibot";
import type { LoginSteering, ServerLoginReport } from "../../grants/login_steering.ts";
import { decodeName } from "../route_match.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

const linkForm = v.strictObject(
  { principal: v.optional(v.string("the id of a principal")) },
  "an object, perhaps with principal",
);

/** Makes the rows. */
export function loginRows(logins: LoginSteering): readonly AdminRow[] {
  const path = "/admin/servers/:name/logins";
  return [
    {
      method: "GET",
      path: "/admin/logins",
      right: "operator",
      answer: async () => answerJson({ logins: await logins.list() }),
    },
    {
      method: "GET",
      path,
      right: "operator",
      answer: async ({ name }) => answerJson(await logins.report(decodeName(name))),
    },
    {
      method: "POST",
      path,
      right: "owner",
      answer: async ({ name, readBody }) => {
        const { principal } = await readBody(linkForm);
        return answerJson(await logins.makeLink(decodeName(name), principal), 201);
      },
    },
    {
      method: "DELETE",
      path,
      right: "owner",
      answer: async ({ name: given, request }) => {
        const name = decodeName(given);
        const principal = new URL(request.url).searchParams.get("principal") ?? undefined;
        return answerJson({ name, revoked: await logins.logOut(name, principal) });
      },
    },
  ];
}

/** Reports of servers, each with its log-ins if it may need one. */
export async function withLoginsOf<Report extends { readonly name: string }>(
  reports: readonly Report[],
  logins: Pick<LoginSteering, "list">,
): Promise<readonly (Report & { readonly login?: Omit<ServerLoginReport, "name"> })[]> {
  const known = new Map((await logins.list()).map(({ name, ...login }) => [name, login]));
  return reports.map((report) => {
    const login = known.get(report.name);
    return login === undefined ? report : { ...report, login };
  });
}
