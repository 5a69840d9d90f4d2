/** `clients` and `grants`: what the authorization server stores, listed and revoked. */
import { chooseAction, requireArgument } from "./access_action.ts";
import { withAccess } from "./access_steering.ts";
import { printDone, printResult } from "./output.ts";
import { type Cell, toTable } from "./table.ts";
import { toAgo } from "./times.ts";

const toUse = (usedAt: string | undefined): string =>
  usedAt === undefined ? "never" : toAgo(Date.parse(usedAt), Date.now());

/** Lists and revokes clients. */
export const runClients = chooseAction({
  async list(context) {
    const clients = await withAccess(context, false, (access) => access.clients.list());
    printResult(context, { clients }, () => {
      if (clients.length === 0) return ["No client has connected by OAuth"];
      const rows = clients.map(({ id, kind, name = "-", grants, usedAt }): Cell[] => [
        { text: id, style: "strong" },
        name,
        kind,
        String(grants),
        toUse(usedAt),
      ]);
      const columns = [
        { title: "ID" },
        { title: "NAME", isCut: true },
        { title: "KIND" },
        { title: "GRANTS", isRight: true },
        { title: "LAST USED" },
      ];
      return toTable(columns, rows, context.terminal);
    });
  },
  async revoke(context, values) {
    const id = requireArgument(values, "ID", "client");
    await withAccess(context, false, (access) => access.clients.revoke(id));
    printDone(context, { id }, [`Revoked client "${id}" with its grants`]);
  },
});

/** Lists and revokes grants. */
export const runGrants = chooseAction({
  async list(context) {
    const grants = await withAccess(context, false, (access) => access.grants.list());
    printResult(context, { grants }, () => {
      if (grants.length === 0) return ["Nothing was granted to a client"];
      const rows = grants.map(({ id, principal, client, surface = "all", scopes, usedAt }) => [
        { text: id, style: "strong" as const },
        principal,
        client,
        surface,
        scopes.join(" "),
        toUse(usedAt),
      ]);
      const columns = [
        { title: "ID" },
        { title: "PRINCIPAL", isCut: true },
        { title: "CLIENT", isCut: true },
        { title: "SURFACE", isCut: true },
        { title: "SCOPES", isCut: true },
        { title: "LAST USED" },
      ];
      return toTable(columns, rows, context.terminal);
    });
  },
  async revoke(context, values) {
    const id = requireArgument(values, "ID", "grant");
    await withAccess(context, false, (access) => access.grants.revoke(id));
    printDone(context, { id }, [`Revoked grant "${id}"; its tokens are refused from now on`]);
  },
});
