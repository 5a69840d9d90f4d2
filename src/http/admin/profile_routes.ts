/** The rows of the admin API that list, add and remove profiles. */
import * as v from "valibot";
import type { ProfileReport } from "../../config/profiles.ts";
import { RegistryError } from "../../config/registry_error.ts";
import type { Operator } from "../../gateway/operator.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { decodeName } from "../route_match.ts";
import { profilePath } from "../surface_kinds.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

/** What the rows work on. */
export interface ProfileRowParts {
  readonly operator: Pick<Operator, "profiles" | "profileReports">;
  /** What the process says about itself, with its URL. */
  readonly facts: () => Readonly<Record<string, unknown>>;
}

/** A report with the URL that clients use. */
export interface ProfileView extends ProfileReport {
  readonly url: string;
}

/** The profiles, each with its URL. */
export function profilesWithUrls({ operator, facts }: ProfileRowParts): readonly ProfileView[] {
  const { publicUrl, url } = facts();
  const base = String(publicUrl ?? url ?? "");
  return operator.profileReports().map(({ name, source, ...report }) => ({
    name,
    source,
    url: `${base}${profilePath(name)}`,
    ...report,
  }));
}

const entryForm = v.custom<JsonObject>(isJsonObject, "an object, as in mcp.json");

/** Makes the rows. A profile opens nothing that its clients could not use on `/mcp`. */
export function profileRows(parts: ProfileRowParts): readonly AdminRow[] {
  const { profiles } = parts.operator;
  const viewOf = (name: string): ProfileView => {
    const view = profilesWithUrls(parts).find((profile) => profile.name === name);
    if (view !== undefined) return view;
    throw new RegistryError("unknown", `Cannot find profile ${JSON.stringify(name)}`);
  };
  const path = "/admin/profiles/:name";
  return [
    {
      method: "GET",
      path: "/admin/profiles",
      right: "operator",
      answer: () => answerJson({ profiles: profilesWithUrls(parts) }),
    },
    {
      method: "GET",
      path,
      right: "operator",
      answer: ({ name }) => answerJson(viewOf(decodeName(name))),
    },
    {
      method: "PUT",
      path,
      right: "operator",
      answer: async ({ name: given, readBody }) => {
        const name = decodeName(given);
        const outcome = await profiles.put(name, await readBody(entryForm));
        return answerJson({ profile: viewOf(name), ...outcome }, outcome.isNew ? 201 : 200);
      },
    },
    {
      method: "DELETE",
      path,
      right: "operator",
      answer: async ({ name: given }) => {
        const name = decodeName(given);
        await profiles.remove(name);
        return answerJson({ name });
      },
    },
  ];
}
