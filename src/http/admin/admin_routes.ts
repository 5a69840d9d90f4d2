/**
 * The route table of the admin API: every path and method, with the right that it asks for. Not
 * here: how a request reaches its row (admin_api.ts), and what the rights mean (admin_access.ts).
 */
import * as v from "valibot";
import type { KeyRing } from "../../auth/key_ring.ts";
import { RegistryError } from "../../config/registry_error.ts";
import type { LoginSteering } from "../../grants/login_steering.ts";
import type { Operator } from "../../gateway/operator.ts";
import type { ServerReport } from "../../gateway/server_report.ts";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { hmacHex } from "../../seal.ts";
import { metricTextType } from "../../telemetry/metric_text.ts";
import { instanceRows, instancesIn, type InstanceSteering } from "./instance_routes.ts";
import type { Passage } from "../passage.ts";
import { fillName, type SurfaceKinds } from "../surface_kinds.ts";
import { decodeName } from "../route_match.ts";
import { type AdminTokens, assertEntryRight } from "./admin_access.ts";
import { AdminError } from "./admin_errors.ts";
import { type AdminRow, answerJson, readForm } from "./admin_request.ts";
import type { Attachments } from "./attachments.ts";
import { dataHeaders } from "./data_headers.ts";
import { keyRows } from "./key_routes.ts";
import { type LiveParts, liveRows } from "./live_rows.ts";
import { loginRows, withLoginsOf } from "./login_routes.ts";
import { type PageFileParts, pageFileRows } from "./page_files.ts";
import { type PageLoginParts, pageLoginRows } from "./page_login_rows.ts";
import { peopleAdminRows, type PeopleRowParts } from "./people_routes.ts";
import { profileRows, profilesWithUrls } from "./profile_routes.ts";
import { toolRows } from "./tool_routes.ts";

/** What the endpoints work on. */
export interface AdminParts extends PageFileParts, PageLoginParts, LiveParts {
  readonly tokens: AdminTokens;
  /** Whether the operator may do what otherwise only the owner may: start programs. */
  readonly maySpawn: () => boolean;
  readonly limits: Limits;
  readonly attachments: Attachments;
  readonly passage: Passage;
  readonly surfaceKinds: SurfaceKinds;
  readonly operator: Operator;
  /** Who may connect. */
  readonly access: PeopleRowParts & { readonly keys: KeyRing };
  /** Who has a grant at which protected server. */
  readonly logins: LoginSteering;
  /** The metrics as text; undefined if none are collected. */
  readonly metrics: () => Promise<string> | undefined;
  /** What the process says about itself. */
  readonly facts: () => Readonly<Record<string, unknown>>;
  /** Reads the configuration again; rejects with a sentence. */
  readonly reload: () => Promise<void>;
  /** Copies the database to a file that does not exist; rejects with a sentence. */
  readonly backup: (path: string) => Promise<void>;
  /** Absent: this instance is the only one. */
  readonly instances?: InstanceSteering | undefined;
}

const nothing = v.strictObject({}, "an empty object");
const entryForm = v.custom<JsonObject>(isJsonObject, "an object, as in mcp.json");
const backupForm = v.strictObject({ file: v.string("an absolute path") }, "an object with file");

/** Makes the table. */
export function adminRows(parts: AdminParts): readonly AdminRow[] {
  const { facts, attachments, logins } = parts;
  const servers = () => withLoginsOf(parts.operator.servers(), logins);
  return [
    {
      method: "GET",
      path: "/admin/hello",
      right: "none",
      answerOpenly: ({ request }) => prove(request, parts),
    },
    {
      method: "GET",
      path: "/admin/status",
      right: "operator",
      answer: async () =>
        answerJson({
          ...facts(),
          ...await instancesIn(parts.instances),
          servers: await servers(),
          profiles: profilesWithUrls(parts),
        }),
    },
    {
      method: "GET",
      path: "/admin/servers",
      right: "operator",
      answer: async () => answerJson({ servers: await servers() }),
    },
    {
      method: "GET",
      path: "/admin/servers/:name",
      right: "operator",
      answer: async ({ name }) => {
        const [report] = await withLoginsOf([reportOf(parts, decodeName(name))], logins);
        return answerJson(report);
      },
    },
    { method: "GET", path: "/metrics", right: "operator", answer: () => answerMetrics(parts) },
    ...changingRows(parts),
    ...profileRows(parts),
    ...toolRows(parts.operator),
    ...loginRows(logins),
    ...keyRows(parts.access.keys),
    ...peopleAdminRows(parts.access),
    {
      method: "POST",
      path: "/admin/reload",
      right: "operator",
      answer: async ({ readBody }) => {
        await readBody(nothing);
        await orElse("reload_failed", parts.reload());
        return answerJson({ servers: await servers() });
      },
    },
    {
      method: "POST",
      path: "/admin/backup",
      right: "owner",
      answer: async ({ readBody }) => {
        const { file } = await readBody(backupForm);
        await orElse("backup_failed", parts.backup(file));
        return answerJson({ file }, 201);
      },
    },
    {
      method: "GET",
      path: "/admin/attach",
      right: "owner",
      answer: ({ fetchContext }) => attachments.attach(fetchContext),
    },
    ...instanceRows(parts.instances),
    ...mcpRows(parts),
    ...liveRows(parts),
    ...pageFileRows(parts),
    ...pageLoginRows(parts),
  ];
}

async function answerMetrics({ metrics }: AdminParts): Promise<Response> {
  const text = await metrics();
  if (text === undefined) throw new AdminError("metrics_off");
  return new Response(text, {
    headers: { ...dataHeaders, "content-type": metricTextType },
  });
}

/** Shows that this program has the owner's token, before a client sends its own. */
async function prove({ url }: Request, { tokens, limits }: AdminParts): Promise<Response> {
  const { nonceCharsMin, nonceCharsMax } = limits;
  const expected = `${nonceCharsMin} to ${nonceCharsMax} letters, digits, _ and -`;
  const form = v.pipe(
    v.string(expected),
    v.minLength(nonceCharsMin, expected),
    v.maxLength(nonceCharsMax, expected),
    v.regex(/^[A-Za-z0-9_-]+$/, expected),
  );
  const nonce = readForm(form, new URL(url).searchParams.get("nonce"), "the parameter nonce");
  return answerJson({ proof: await hmacHex(tokens.owner, nonce) });
}

function reportOf({ operator }: AdminParts, name: string): ServerReport {
  const report = operator.servers().find((server) => server.name === name);
  if (report !== undefined) return report;
  throw new RegistryError("unknown", `Cannot find server ${JSON.stringify(name)}`);
}

/** The rows that change the registry or restart a server. */
function changingRows(parts: AdminParts): readonly AdminRow[] {
  const { registry, restart } = parts.operator;
  const path = "/admin/servers/:name";
  const entryOf = (name: string) => registry.list().find((row) => row.name === name)?.entry;
  const steps = {
    enable: (name: string) => registry.setDisabled(name, false),
    disable: (name: string) => registry.setDisabled(name, true),
    restart,
  };
  return [
    {
      method: "PUT",
      path,
      right: "operator",
      answer: async ({ role, name: given, readBody }) => {
        const name = decodeName(given);
        const next = await readBody(entryForm);
        assertEntryRight(role, parts.maySpawn(), { before: entryOf(name), next });
        const outcome = await registry.put(name, next);
        const server = reportOf(parts, name);
        return answerJson({ server, ...outcome }, outcome.isNew ? 201 : 200);
      },
    },
    {
      method: "DELETE",
      path,
      right: "operator",
      answer: async ({ role, name: given }) => {
        const name = decodeName(given);
        assertEntryRight(role, parts.maySpawn(), { before: entryOf(name), next: undefined });
        await registry.remove(name);
        return answerJson({ name });
      },
    },
    ...Object.entries(steps).map(([step, run]): AdminRow => ({
      method: "POST",
      path: `${path}/${step}`,
      right: "operator",
      answer: async ({ name: given, readBody }) => {
        const name = decodeName(given);
        await readBody(nothing);
        await run(name);
        return answerJson(reportOf(parts, name));
      },
    })),
  ];
}

/** The MCP endpoints of the gateway for the holders of tokens, whatever clients in front need. */
function mcpRows({ surfaceKinds, passage }: AdminParts): readonly AdminRow[] {
  return surfaceKinds.flatMap(({ path }) =>
    (["POST", "GET", "DELETE"] as const).map((method): AdminRow => ({
      method,
      path: `/admin${path}/mcp`,
      isCall: true,
      right: "operator",
      answer: ({ request, fetchContext, principal, name }) =>
        passage(request, `${fillName(path, name)}/mcp`, principal, fetchContext),
    }))
  );
}

/** The same result; the sentence of a rejection becomes a failure of this code. */
async function orElse<Value>(
  code: "reload_failed" | "backup_failed",
  work: Promise<Value>,
): Promise<Value> {
  try {
    return await work;
  } catch (thrown) {
    throw new AdminError(code, thrown instanceof Error ? thrown.message : String(thrown));
  }
}
