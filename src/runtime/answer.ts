/**
 * Code that the runtimes share: the last line of defence around the handler of a listener (400 for a
 * malformed target, 500 for an unforeseen fault, never an exception page), and the errors of
 * listening, of spawning and of a child's stdin.
 */
import { GatewayError } from "../errors.ts";
import type {
  FetchContext,
  FetchHandler,
  ListenFault,
  ServeOptions,
  SpawnFault,
} from "./runtime.ts";

/** Calls the handler and always returns a response. */
export async function answer(
  fetch: FetchHandler,
  request: Request,
  context: FetchContext,
): Promise<Response> {
  try {
    return URL.canParse(request.url) ? await fetch(request, context) : refuseTarget();
  } catch {
    return internalFault();
  }
}

/** 400 for a target and Host that do not form a URL. */
export function refuseTarget(): Response {
  return refuse(new GatewayError("invalid_request", "Malformed request target or Host"));
}

/** 500 without a detail of the fault. */
export function internalFault(): Response {
  return refuse(new GatewayError("internal"));
}

/** 503 for a request that arrives while the listener closes. */
export function refuseClosing(): Response {
  return refuse(new GatewayError("draining"));
}

function refuse(error: GatewayError): Response {
  return Response.json({ jsonrpc: "2.0", error: error.toRpc() }, { status: error.status });
}

/** Why listening failed, for the operator. */
export function toListenFault(options: ServeOptions, fault: unknown, code?: string): ListenFault {
  const { host, port } = options.variables ?? { host: "MCP_HOST", port: "MCP_PORT" };
  const reasons: Record<string, string> = {
    EADDRINUSE: `the address is in use; stop the other program or choose another ${port}`,
    EACCES: `not allowed; choose an ${port} above 1023`,
    // The code of Deno's node:http for an address that this machine does not have.
    EINVAL: `this machine has no such address; check ${host}`,
    EADDRNOTAVAIL: `this machine has no such address; check ${host}`,
  };
  const reason = reasons[code ?? ""] ?? (fault instanceof Error ? fault.message : String(fault));
  const text = `Cannot listen on "${options.hostname}:${options.port}": ${reason}`;
  return Object.assign(new Error(text, { cause: fault }), { isTaken: code === "EADDRINUSE" });
}

/** A failed spawn; its message names the command and is only for the operator. */
export function toSpawnFault(
  command: string,
  cwd: string | undefined,
  code: string,
  folderMissing: boolean,
): SpawnFault {
  const reasons: Record<string, string> = {
    ENOENT: "no such program; install it or give its full path",
    EACCES: "it is not executable; check its permissions",
    ENOTDIR: "a part of its path is not a directory",
    ENOEXEC: "it is not a program; does its first line name the interpreter?",
    EINVAL: "an argument cannot be passed on; on Windows a .cmd or .bat file takes no line breaks",
    E2BIG: "its command line is too long for the system",
  };
  const permanent = folderMissing || code in reasons;
  const reason = folderMissing
    ? `the directory "${cwd}" does not exist`
    : (reasons[code] ?? `the system refused (${code})`);
  return Object.assign(new Error(`Cannot start "${command}": ${reason}`), {
    code,
    permanent,
    folderMissing,
  });
}

/** A write to a child that has ended or closed its stdin. */
export function brokenPipe(): Error {
  return Object.assign(new Error("Cannot write: the program ended"), { code: "EPIPE" });
}
