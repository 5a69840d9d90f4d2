/**
 * The rights of the admin API: the route table as it is, and which entries only the owner may put
 * or remove.
 */
import { describe, expect, test } from "bun:test";
import { assertEntryRight, isOwnersEntry } from "../../../src/http/admin/admin_access.ts";
import { type AdminParts, adminRows } from "../../../src/http/admin/admin_routes.ts";
import { pageFiles } from "../../../src/http/admin/page_names.ts";
import { surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../../src/limits.ts";

const url = "https://mcp.example.com/mcp";

/** Start no program, and show nothing of this machine. */
const harmless: readonly unknown[] = [
  { url },
  { type: "http", serverUrl: url },
  { httpUrl: url, headers: { "x-team": "blue", "x-price": "$5 {each}" } },
  { url, credentials: { type: "bearer", token: "a-token" }, tools: { allow: ["a"] } },
  { url, startTimeoutMs: 5, disabled: true },
];

const owners: readonly unknown[] = [
  { command: "npx" },
  { command: "npx", url },
  { url, args: ["x"] },
  { url, env: { A: "b" } },
  { url, cwd: "/" },
  { url, envFile: "/etc/x" },
  { url, inheritEnv: ["HOME"] },
  { url: "https://mcp.example.com/${HOME}" },
  { url, headers: { "x-key": "${env:HOME}" } },
  { url, headers: { "x-key": "${HOME:-none}" } },
  { url, credentials: { type: "bearer", token: { file: "/etc/hostname" } } },
  { url, credentials: { type: "headers", headers: { a: { file: "/etc/hostname" } } } },
  { url, tools: ["${HOME}"] },
  { recipe: "coingecko" },
  { recipe: "/etc/hostname" },
  { recipe: "coingecko", baseUrl: "https://evil.example" },
  { openapi: "/etc/hostname" },
  { openapi: "https://api.example.com/openapi.json" },
  { something: "else" },
  {},
  "unreadable",
  null,
  [{ url }],
];

describe("an entry", () => {
  test("of a remote server that shows nothing of this machine is for both tokens", () => {
    expect(harmless.filter(isOwnersEntry)).toEqual([]);
  });

  test("of any other kind is for the owner", () => {
    expect(owners.filter((entry) => !isOwnersEntry(entry))).toEqual([]);
  });

  test("may be put and removed by those who may have both what is and what will be", () => {
    const program = { command: "npx" };
    const changes = [
      { before: undefined, next: { url }, operator: true },
      { before: { url }, next: { url }, operator: true },
      { before: { url }, next: undefined, operator: true },
      { before: undefined, next: program, operator: false },
      { before: { url }, next: program, operator: false },
      { before: program, next: { url }, operator: false },
      { before: program, next: undefined, operator: false },
      { before: undefined, next: undefined, operator: true },
    ];
    for (const { operator, ...change } of changes) {
      const may = (role: "owner" | "operator", maySpawn: boolean) => {
        try {
          assertEntryRight(role, maySpawn, change);
          return true;
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "owner_only" });
          return false;
        }
      };
      const rights = [may("owner", false), may("operator", true), may("operator", false)];
      expect([change, ...rights]).toEqual([change, true, true, operator]);
    }
  });
});

test("the route table has these rights, and no other route", () => {
  // The rows are data: making them uses none of the parts but these.
  const operator = { registry: {}, servers: () => [], restart: () => Promise.resolve() };
  const access = { keys: {}, users: {}, clients: {}, grants: {} };
  const rows = adminRows(
    { operator, access, surfaceKinds, limits: defaultLimits } as unknown as AdminParts,
  );
  const found = rows.map(({ method, path, right }) => `${right} ${method} ${path}`);
  const files = pageFiles.map((file) => `none GET /admin/page/${file}`);
  expect(found.filter((row) => files.includes(row)).sort()).toEqual([...files].sort());
  expect(found.filter((row) => !files.includes(row)).sort()).toEqual([
    "none GET /admin",
    "none GET /admin/hello",
    "none POST /admin/page/token",
    "operator DELETE /admin/mcp",
    "operator DELETE /admin/page/token",
    "operator DELETE /admin/servers/:name",
    "operator DELETE /admin/servers/:name/mcp",
    "operator GET /admin/calls",
    "operator GET /admin/clients",
    "operator GET /admin/connect",
    "operator GET /admin/events",
    "operator GET /admin/grants",
    "operator GET /admin/keys",
    "operator GET /admin/log",
    "operator GET /admin/logins",
    "operator GET /admin/mcp",
    "operator GET /admin/servers",
    "operator GET /admin/servers/:name",
    "operator GET /admin/servers/:name/logins",
    "operator GET /admin/servers/:name/mcp",
    "operator GET /admin/sessions",
    "operator GET /admin/status",
    "operator GET /admin/users",
    "operator POST /admin/mcp",
    "operator POST /admin/reload",
    "operator POST /admin/servers/:name/disable",
    "operator POST /admin/servers/:name/enable",
    "operator POST /admin/servers/:name/mcp",
    "operator POST /admin/servers/:name/restart",
    "operator PUT /admin/calls/arguments",
    "operator PUT /admin/servers/:name",
    "owner DELETE /admin/clients/:name",
    "owner DELETE /admin/grants/:name",
    "owner DELETE /admin/keys/:name",
    "owner DELETE /admin/servers/:name/logins",
    "owner DELETE /admin/users/:name",
    "owner GET /admin/attach",
    "owner POST /admin/backup",
    "owner POST /admin/keys",
    "owner POST /admin/page/link",
    "owner POST /admin/servers/:name/logins",
    "owner POST /admin/users",
    "owner POST /admin/users/:name/link",
    "owner POST /admin/users/:name/password",
  ]);
});
