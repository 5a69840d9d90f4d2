/** The rows of the admin API for tools that are not as they were first seen. */
import * as v from "valibot";
import { RegistryError } from "../../config/registry_error.ts";
import type { Operator } from "../../gateway/operator.ts";
import { decodeName } from "../route_match.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

const names = v.optional(v.array(v.string("a name"), "a list of names"));
const ids = v.optional(v.array(v.string("an id"), "a list of ids"));
const approvalForm = v.strictObject(
  { tools: names, ids },
  "an object, perhaps with tools (names) and ids (of changes)",
);

/** Makes the rows. */
export function toolRows(
  { changedTools, servers }: Pick<Operator, "changedTools" | "servers">,
): readonly AdminRow[] {
  return [
    {
      method: "GET",
      path: "/admin/tools/changes",
      right: "operator",
      answer: async () => answerJson({ changes: await changedTools.list() }),
    },
    {
      method: "POST",
      path: "/admin/servers/:name/tools/approve",
      right: "operator",
      answer: async ({ name: given, readBody }) => {
        const name = decodeName(given);
        const which = await readBody(approvalForm);
        if (!servers().some((server) => server.name === name)) {
          throw new RegistryError("unknown", `Cannot find server ${JSON.stringify(name)}`);
        }
        return answerJson({ approved: await changedTools.approve(name, which) });
      },
    },
  ];
}
