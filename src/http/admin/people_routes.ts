/**
 * The rows of the admin API for people and what they granted: users, clients and grants. The owner
 * changes them, the operator sees them; no row shows a password, a hash or a token, except a link
 * for a log-in to the owner who asks for one.
 */
import * as v from "valibot";
import type { ClientSteering, GrantSteering } from "../../oauth/access_lists.ts";
import type { UserSteering } from "../../oauth/users.ts";
import { decodeName } from "../route_match.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

/** What the rows work on. */
export interface PeopleRowParts {
  readonly users: UserSteering;
  readonly clients: ClientSteering;
  readonly grants: GrantSteering;
}

const names = v.optional(v.array(v.string("a name"), "a list of names"), []);
const password = v.string("a password");
const newUserForm = v.strictObject({
  name: v.string("a name"),
  roles: names,
  groups: names,
  password: v.optional(password),
}, "an object with name, and perhaps roles, groups and password");
const passwordForm = v.strictObject({ password }, "an object with password");
const nothing = v.strictObject({}, "an empty object");

/** Makes the rows. */
export function peopleAdminRows({ users, clients, grants }: PeopleRowParts): readonly AdminRow[] {
  return [
    {
      method: "GET",
      path: "/admin/users",
      right: "operator",
      answer: async () => answerJson({ users: await users.list() }),
    },
    {
      method: "POST",
      path: "/admin/users",
      right: "owner",
      answer: async ({ readBody }) => {
        const { name, ...user } = await readBody(newUserForm);
        await users.add(name, user);
        return answerJson({ name }, 201);
      },
    },
    {
      method: "DELETE",
      path: "/admin/users/:name",
      right: "owner",
      answer: async ({ name: given }) => {
        const name = decodeName(given);
        await users.remove(name);
        return answerJson({ name });
      },
    },
    {
      method: "POST",
      path: "/admin/users/:name/password",
      right: "owner",
      answer: async ({ name: given, readBody }) => {
        const name = decodeName(given);
        await users.setPassword(name, (await readBody(passwordForm)).password);
        return answerJson({ name });
      },
    },
    {
      method: "POST",
      path: "/admin/users/:name/link",
      right: "owner",
      answer: async ({ name: given, readBody }) => {
        await readBody(nothing);
        return answerJson(await users.makeLink(decodeName(given)), 201);
      },
    },
    ...revocableRows("clients", clients),
    ...revocableRows("grants", grants),
  ];
}

/** The rows of what can be listed and revoked. */
function revocableRows(
  what: "clients" | "grants",
  { list, revoke }: ClientSteering | GrantSteering,
): readonly AdminRow[] {
  return [
    {
      method: "GET",
      path: `/admin/${what}`,
      right: "operator",
      answer: async () => answerJson({ [what]: await list() }),
    },
    {
      method: "DELETE",
      path: `/admin/${what}/:name`,
      right: "owner",
      answer: async ({ name: given }) => {
        const id = decodeName(given);
        await revoke(id);
        return answerJson({ id });
      },
    },
  ];
}
