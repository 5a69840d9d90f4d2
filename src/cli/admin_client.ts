/**
 * Finds the gateway that runs on the data folder, and calls its admin API. `gateway.json` says where
 * it is; a killed gateway leaves that file, and another program may have taken its port since. So
 * the client sends its token only to a program that proves to have the same token.
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";
import type { OutgoingRequest } from "../runtime/runtime.ts";
import { hmacHex } from "../seal.ts";
import { noDirectory } from "../config/places.ts";
import type { AdminCaller } from "./admin_call.ts";
import { toAccessCalls, toLoginCalls, toProfileCalls, toToolChangeCalls } from "./access_calls.ts";
import {
  type AccessCalls,
  anyForm,
  type GatewayView,
  helloForm,
  type LoginCalls,
  type ProfileCalls,
  putForm,
  refusalForm,
  serverLinkForm,
  statusForm,
} from "./admin_forms.ts";
import { type ToolChangeCalls } from "./change_forms.ts";
import { namedPath } from "./admin_path.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import type { exitCodes } from "./exit_codes.ts";
import { type GatewayFile, gatewayFileForm, gatewayFilePath } from "./start/gateway_file.ts";

/** What was warned of while an entry was put. */
export type PutView = v.InferOutput<typeof putForm>;

/** A link, and until when it works (ISO 8601). */
export type PageLinkView = v.InferOutput<typeof serverLinkForm>;

/** A gateway that runs and can be steered. Every function throws a CommandError with its reason. */
export interface RunningGateway extends AccessCalls {
  readonly file: GatewayFile;
  readonly adminUrl: string;
  /** The value of the Authorization header for all below `adminUrl`. */
  readonly authorization: string;
  status(): Promise<GatewayView>;
  put(name: string, entry: unknown): Promise<PutView>;
  remove(name: string): Promise<void>;
  setDisabled(name: string, disabled: boolean): Promise<void>;
  restart(name: string): Promise<void>;
  /** Makes an instance hand its sessions over and stop. */
  drain(instance: string): Promise<void>;
  readonly profiles: ProfileCalls;
  /** A link that opens the operator's page once. */
  makePageLink(): Promise<PageLinkView>;
  /** Log-ins at protected servers. */
  readonly logins: LoginCalls;
  /** Changed tools, and their approval. */
  readonly toolChanges: ToolChangeCalls;
  /** Reads `mcp.json` again. */
  reload(): Promise<void>;
  /** Copies the database to an absolute path. */
  backup(file: string): Promise<void>;
}

/** The gateway on the data folder; undefined if none runs. Throws if it cannot be steered. */
export async function findGateway(context: CommandContext): Promise<RunningGateway | undefined> {
  const { dataDirectory } = context.places;
  if (dataDirectory === noDirectory) return undefined;
  const file = await readGatewayFile(context, dataDirectory);
  if (file === undefined || !context.platform.system.isAlive(file.pid)) return undefined;
  const { adminUrl, pid } = file;
  if (adminUrl === undefined) {
    throw new CommandError(
      "failed",
      `Cannot steer the gateway of ${dataDirectory} (process ${pid}): it runs with MCP_ADMIN=off; ` +
        "start it without",
    );
  }
  const token = await readToken(context, dataDirectory);
  const call = createCaller(context, adminUrl, token);
  return await isGateway(call, token, file) ? toGateway(call, file, adminUrl, token) : undefined;
}

/** The same; throws `noGateway` if none runs. */
export async function requireGateway(context: CommandContext): Promise<RunningGateway> {
  const gateway = await findGateway(context);
  if (gateway !== undefined) return gateway;
  const { dataDirectory } = context.places;
  throw new CommandError(
    "noGateway",
    `Cannot find a running gateway with the data folder ${dataDirectory}; start one with ` +
      "mcp-wrapper start, or name another data folder with --data",
  );
}

async function readGatewayFile(
  { platform: { runtime } }: CommandContext,
  dataDirectory: string,
): Promise<GatewayFile | undefined> {
  const path = gatewayFilePath(dataDirectory);
  const text = await runtime.readText(path).catch((fault) => {
    throw new CommandError("failed", `Cannot read ${path}: ${fault.message}`);
  });
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), gatewayFileForm), text);
  // A file that is no such file says as little as none.
  return parsed.success ? parsed.output : undefined;
}

async function readToken(
  { platform: { runtime } }: CommandContext,
  dataDirectory: string,
): Promise<string> {
  const path = `${dataDirectory}/owner.token`;
  const text = await runtime.readText(path).catch((fault) => {
    throw new CommandError(
      "failed",
      `Cannot read ${path}: ${fault.message}; run the command as the account of the gateway`,
    );
  });
  const token = text?.trim() ?? "";
  if (token !== "") return token;
  throw new CommandError("failed", `Cannot find ${path}; restart the gateway, which makes it`);
}

async function isGateway(call: AdminCaller, token: string, file: GatewayFile): Promise<boolean> {
  const nonce = crypto.randomUUID();
  try {
    const { proof } = await call({
      method: "GET",
      path: `/admin/hello?nonce=${nonce}`,
      form: helloForm,
      isOpen: true,
      withinMs: defaultLimits.helloMs,
    });
    return proof === await hmacHex(token, nonce);
  } catch (fault) {
    if (!(fault instanceof LateAnswer)) return false;
    throw new CommandError(
      "failed",
      `The gateway of process ${file.pid} does not answer at ${file.adminUrl} ` +
        `within ${defaultLimits.helloMs} ms; try again, or restart it`,
    );
  }
}

function toGateway(
  call: AdminCaller,
  file: GatewayFile,
  adminUrl: string,
  token: string,
): RunningGateway {
  const post = async (path: string, body: unknown = {}): Promise<void> => {
    await call({ method: "POST", path, body, form: anyForm });
  };
  const at = (name: string): string => namedPath("/admin/servers", name);
  return {
    file,
    adminUrl,
    authorization: `Bearer ${token}`,
    status: () => call({ method: "GET", path: "/admin/status", form: statusForm }),
    async put(name, entry) {
      return await call({ method: "PUT", path: at(name), body: entry, form: putForm });
    },
    async remove(name) {
      await call({ method: "DELETE", path: at(name), form: anyForm });
    },
    setDisabled: async (name, disabled) =>
      await post(`${at(name)}/${disabled ? "disable" : "enable"}`),
    restart: async (name) => await post(`${at(name)}/restart`),
    reload: () => post("/admin/reload"),
    backup: (path) => post("/admin/backup", { file: path }),
    drain: (instance) => post("/admin/drain", { instance }),
    profiles: toProfileCalls(call),
    makePageLink: () =>
      call({ method: "POST", path: "/admin/page/link", body: {}, form: serverLinkForm }),
    logins: toLoginCalls(call),
    toolChanges: toToolChangeCalls(call),
    ...toAccessCalls(call),
  };
}

/** No answer came in time, though the program took the request. */
class LateAnswer extends CommandError {}

function createCaller(
  { platform: { runtime }, signal }: CommandContext,
  adminUrl: string,
  token: string,
): AdminCaller {
  const { adminCallMs, helloMs } = defaultLimits;
  return async ({ method, path, form, body, isOpen = false, withinMs = adminCallMs }) => {
    const late = AbortSignal.timeout(withinMs);
    const request: OutgoingRequest = {
      url: `${adminUrl}${path}`,
      method,
      headers: {
        accept: "application/json",
        ...(isOpen ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, late]),
      connectMs: helloMs,
      // The file names the address, and the proof says who is there.
      allowAddress: () => true,
    };
    try {
      const response = await runtime.request(request);
      const text = await readBody(response.body, defaultLimits);
      return readAnswer(response.status, text, form, path);
    } catch (fault) {
      if (fault instanceof CommandError) throw fault;
      if (signal.aborted) throw new CommandError("interrupted", "Interrupted");
      const reason = fault instanceof Error ? fault.message : String(fault);
      if (late.aborted) {
        throw new LateAnswer(
          "failed",
          `The gateway at ${adminUrl} does not answer in ${withinMs} ms`,
        );
      }
      throw new CommandError("failed", `Cannot reach the gateway at ${adminUrl}: ${reason}`);
    }
  };
}

async function readBody(
  body: ReadableStream<Uint8Array>,
  { adminAnswerBytesMax }: Pick<Limits, "adminAnswerBytesMax">,
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > adminAnswerBytesMax) throw new Error("its answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Codes of refusals whose exit code is not that of a failure. */
const reasons: Readonly<Record<string, keyof typeof exitCodes>> = {
  unknown: "notFound",
  path_unknown: "notFound",
  in_file: "usage",
  invalid: "usage",
  access_unknown: "notFound",
  access_taken: "usage",
  access_invalid: "usage",
};

function readAnswer<Form extends v.GenericSchema>(
  status: number,
  text: string,
  form: Form,
  path: string,
): v.InferOutput<Form> {
  const value = parse(text);
  if (status < 200 || status > 299) {
    const refusal = v.safeParse(refusalForm, value);
    if (!refusal.success) {
      throw new CommandError("failed", `The gateway answers ${path} with status ${status}`);
    }
    const { code, message } = refusal.output.error;
    throw new CommandError(reasons[code] ?? "failed", message);
  }
  const answer = v.safeParse(form, value);
  if (answer.success) return answer.output;
  const found = isJsonObject(value) ? Object.keys(value).join(", ") : "no object";
  throw new CommandError(
    "failed",
    `Cannot understand the answer of the gateway to ${path} (${found}): it is of another version; ` +
      "restart it with this one",
  );
}

function parse(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return undefined;
  }
}
