/**
 * The admin API of a spawned gateway, called as the command line calls it: the address from
 * `gateway.json`, a token from the data folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./wait.ts";

/** What `gateway.json` says. */
export interface FoundGateway {
  readonly pid: number;
  readonly url: string;
  readonly adminUrl?: string;
  readonly version: string;
  readonly startedAt: string;
  readonly instance: string;
}

/** The answer to one call. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Tests read single members of many shapes.
  readonly body: Record<string, unknown>;
  /** The code of the error in the body; undefined if there is none. */
  readonly code: string | undefined;
}

/** Whose token a call carries. */
export type TokenName = "owner" | "operator";

/** The API of one gateway. */
export interface AdminCalls {
  readonly url: string;
  readonly port: number;
  token(name: TokenName): string;
  /** Calls with a token; a body that is no string is sent as JSON. */
  call(
    method: string,
    path: string,
    options?: {
      readonly as?: TokenName | undefined;
      readonly token?: string;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<AdminAnswer>;
}

/** The path of the file in a gateway's folder. */
export const fileOf = (directory: string): string => join(directory, "data/gateway.json");

/** Waits for the file, which is written soon after the start line. */
export async function findGateway(directory: string): Promise<FoundGateway> {
  await until("gateway.json", () => existsSync(fileOf(directory)));
  return JSON.parse(readFileSync(fileOf(directory), "utf8"));
}

/** Finds the API of a gateway by its folder. */
export async function openAdminCalls(directory: string): Promise<AdminCalls> {
  const { adminUrl = "" } = await findGateway(directory);
  const token = (name: TokenName) => readFileSync(join(directory, `data/${name}.token`), "utf8");
  return {
    url: adminUrl,
    port: Number(new URL(adminUrl).port),
    token,
    async call(method, path, { as, token: given, body, headers = {} } = {}) {
      const shown = given ?? (as && token(as));
      const response = await fetch(`${adminUrl}${path}`, {
        method,
        headers: {
          ...(shown === undefined ? {} : { authorization: `Bearer ${shown}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const value = text === "" ? {} : JSON.parse(text);
      const { status, headers: sent } = response;
      return { status, headers: sent, body: value, code: value.error?.code };
    },
  };
}
