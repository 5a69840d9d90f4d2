/** The calls of the admin API about who may connect, log-ins, profiles and changed tools. */
import type { AdminCaller } from "./admin_call.ts";
import {
  type AccessCalls,
  anyForm,
  clientsForm,
  grantsForm,
  keysForm,
  type LoginCalls,
  loginLinkForm,
  loginsForm,
  logOutForm,
  madeKeyForm,
  type ProfileCalls,
  profilesForm,
  putForm,
  serverLinkForm,
  usersForm,
} from "./admin_forms.ts";
import { approvedForm, type ToolChangeCalls, toolChangesForm } from "./change_forms.ts";
import { namedPath } from "./admin_path.ts";

/** Makes the calls. */
export function toAccessCalls(call: AdminCaller): AccessCalls {
  const remove = (path: string) => async (name: string) => {
    await call({ method: "DELETE", path: namedPath(path, name), form: anyForm });
  };
  const [keys, users, clients, grants] = [
    "/admin/keys",
    "/admin/users",
    "/admin/clients",
    "/admin/grants",
  ] as const;
  return {
    keys: {
      list: async () => (await call({ method: "GET", path: keys, form: keysForm })).keys,
      add: (body) => call({ method: "POST", path: keys, body, form: madeKeyForm }),
      revoke: remove(keys),
    },
    users: {
      list: async () => (await call({ method: "GET", path: users, form: usersForm })).users,
      async add(name, user) {
        await call({ method: "POST", path: users, body: { name, ...user }, form: anyForm });
      },
      remove: remove(users),
      async setPassword(name, password) {
        const path = `${namedPath(users, name)}/password`;
        await call({ method: "POST", path, body: { password }, form: anyForm });
      },
      async makeLink(name) {
        const path = `${namedPath(users, name)}/link`;
        return await call({ method: "POST", path, body: {}, form: loginLinkForm });
      },
    },
    clients: {
      list: async () => (await call({ method: "GET", path: clients, form: clientsForm })).clients,
      revoke: remove(clients),
    },
    grants: {
      list: async () => (await call({ method: "GET", path: grants, form: grantsForm })).grants,
      revoke: remove(grants),
    },
  };
}

/** Makes the calls about log-ins at protected servers. */
export function toLoginCalls(call: AdminCaller): LoginCalls {
  const at = (server: string) => `${namedPath("/admin/servers", server)}/logins`;
  return {
    list: async () =>
      (await call({ method: "GET", path: "/admin/logins", form: loginsForm })).logins,
    makeLink: (server, principal) =>
      call({ method: "POST", path: at(server), body: { principal }, form: serverLinkForm }),
    async logOut(server, principal) {
      const query = principal === undefined ? "" : `?principal=${encodeURIComponent(principal)}`;
      const path = `${at(server)}${query}`;
      return (await call({ method: "DELETE", path, form: logOutForm })).revoked;
    },
  };
}

/** Makes the calls about profiles. */
export function toProfileCalls(call: AdminCaller): ProfileCalls {
  const profiles = "/admin/profiles";
  const at = (name: string) => namedPath(profiles, name);
  return {
    list: async () => (await call({ method: "GET", path: profiles, form: profilesForm })).profiles,
    put: (name, entry) => call({ method: "PUT", path: at(name), body: entry, form: putForm }),
    async remove(name) {
      await call({ method: "DELETE", path: at(name), form: anyForm });
    },
  };
}

/** Makes the calls about changed tools. */
export function toToolChangeCalls(call: AdminCaller): ToolChangeCalls {
  return {
    list: async () =>
      (await call({ method: "GET", path: "/admin/tools/changes", form: toolChangesForm })).changes,
    async approve(server, ids) {
      const path = `${namedPath("/admin/servers", server)}/tools/approve`;
      return (await call({ method: "POST", path, body: { ids }, form: approvedForm })).approved;
    },
  };
}
