/** The rows of the admin API that list, add and revoke API keys. */
import * as v from "valibot";
import type { NewKey } from "../../auth/key_form.ts";
import type { KeyRing } from "../../auth/key_ring.ts";
import { isJsonObject } from "../../json.ts";
import { decodeName } from "../route_match.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

/** The ring checks the members. */
const newKeyBody = v.custom<NewKey>(isJsonObject, "an object with the name of the key");

/** Makes the rows: the owner changes keys, the operator sees them; a key is shown once. */
export function keyRows(keys: KeyRing): readonly AdminRow[] {
  return [
    {
      method: "GET",
      path: "/admin/keys",
      right: "operator",
      answer: async () => answerJson({ keys: await keys.list() }),
    },
    {
      method: "POST",
      path: "/admin/keys",
      right: "owner",
      answer: async ({ readBody }) => answerJson(await keys.add(await readBody(newKeyBody)), 201),
    },
    {
      method: "DELETE",
      path: "/admin/keys/:name",
      right: "owner",
      answer: async ({ name: given }) => {
        const name = decodeName(given);
        await keys.revoke(name);
        return answerJson({ name });
      },
    },
  ];
}
