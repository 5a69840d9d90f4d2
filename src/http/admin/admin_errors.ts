/**
 * Failures of the admin API as one table: code → HTTP status and text. A response is
 * `{"error": {"code", "message"}}`. Failures of the registry and of access have a status here; those
 * of the HTTP layer keep their own code and status. The text of an unforeseen error goes to the log
 * only.
 */
import { AccessError, type AccessErrorCode } from "../../access_error.ts";
import { RegistryError, type RegistryErrorCode } from "../../config/registry_error.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { PasswordsBusy } from "../../oauth/passwords.ts";
import { type HeaderPairs, jsonResponse, logFault } from "../respond.ts";
import { dataHeaders } from "./data_headers.ts";

/** The table; `text` is for an error without its own message. */
const adminErrors = {
  unauthenticated: { http: 401, text: "Valid credentials are required: send a token" },
  link_invalid: { http: 401, text: "This link does not open the page" },
  too_many_attempts: { http: 429, text: "Too many wrong codes; wait, and open a new link" },
  owner_only: { http: 403, text: "Only the owner's token may do this" },
  path_unknown: { http: 404, text: "No such endpoint of the admin API" },
  method_not_allowed: { http: 405, text: "HTTP method not allowed here" },
  metrics_off: {
    http: 404,
    text: "No metrics are collected: start the gateway with MCP_METRICS=on",
  },
  invalid: { http: 400, text: "The request is not valid" },
  reload_failed: { http: 409, text: "Cannot reload the configuration" },
  backup_failed: { http: 409, text: "Cannot copy the database" },
  drain_failed: { http: 409, text: "Cannot drain the instance" },
} as const satisfies Record<string, { readonly http: number; readonly text: string }>;

/** The status of each failure of the registry. */
const registryStatus: Readonly<Record<RegistryErrorCode, number>> = {
  in_file: 409,
  unknown: 404,
  invalid: 400,
  disabled: 409,
  full: 409,
  store_unavailable: 503,
};

/** The status of each failure of a change of who may connect. */
const accessStatus: Readonly<Record<AccessErrorCode, number>> = {
  access_unknown: 404,
  access_taken: 409,
  access_invalid: 400,
  access_full: 409,
};

/** The name of one failure. */
export type AdminErrorCode = keyof typeof adminErrors;

/** A failure with a place in the table; its message is for the caller. */
export class AdminError extends Error {
  readonly code: AdminErrorCode;
  /** Headers of the response. */
  readonly headers: HeaderPairs;

  constructor(code: AdminErrorCode, message?: string, headers: HeaderPairs = {}) {
    super(message ?? adminErrors[code].text);
    this.name = "AdminError";
    this.code = code;
    this.headers = headers;
  }
}

/** What was thrown as a response, and its code for the events. */
export function adminErrorResponse(
  thrown: unknown,
  log: Log,
): { readonly response: Response; readonly code: string } {
  if (thrown instanceof AdminError) {
    const { code, message, headers } = thrown;
    return { response: toResponse(code, message, adminErrors[code].http, headers), code };
  }
  if (thrown instanceof RegistryError) {
    const { code, message } = thrown;
    return { response: toResponse(code, message, registryStatus[code]), code };
  }
  if (thrown instanceof AccessError) {
    const { code, message } = thrown;
    return { response: toResponse(code, message, accessStatus[code]), code };
  }
  const error = toGatewayError(
    thrown instanceof PasswordsBusy ? new GatewayError("overloaded", thrown.message) : thrown,
  );
  if (error.code === "internal") logFault(log, "Cannot answer a request to the admin API", thrown);
  return { response: toResponse(error.code, textOf(error), error.status), code: error.code };
}

/** Texts in place of those for clients, which name the MCP endpoint and its variables. */
const ownTexts: Partial<Record<GatewayError["code"], string>> = {
  path_unknown: adminErrors.path_unknown.text,
  host_forbidden:
    "Host not allowed; use the URL in gateway.json, or beyond loopback add the name " +
    "to MCP_ALLOWED_HOSTS",
  origin_forbidden: "Origin not allowed; web pages of other origins cannot use the admin API",
};

function textOf({ code, message }: GatewayError): string {
  return ownTexts[code] ?? message;
}

function toResponse(code: string, message: string, status: number, headers?: HeaderPairs) {
  return jsonResponse(JSON.stringify({ error: { code, message } }), status, {
    ...dataHeaders,
    // The rest of the request was not read, so the connection cannot be used again.
    ...((status === 408 || status === 413) && { connection: "close" }),
    ...headers,
  });
}
