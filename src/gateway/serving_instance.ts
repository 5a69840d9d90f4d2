/**
 * The instance that serves what no other can. What a stateless client brings back may belong to a
 * process or to the memory of the instance that gave it out, so it names that instance: the state of
 * a call that asked, a task, a kept result. No seal is checked here: a name only decides who is
 * asked, and that instance opens it. Not here: how a request gets there (http/elsewhere.ts).
 */
import { base64urlToBytes } from "../bytes_text.ts";
import type { Call } from "../model.ts";
import { asksForKept, instanceOfKept } from "./kept_results.ts";
import type { Server } from "./server.ts";

/** Kinds of servers that every instance reaches alike; another may know only what it began itself. */
const reachedByAll: ReadonlySet<string> = new Set(["http", "rest"]);

/** The member that names the instance in a seal about a server, if another cannot serve it. */
export function ownerOf(
  { config: { kind } }: Server,
  instance: string,
): { readonly owner?: string } {
  return reachedByAll.has(kind) ? {} : { owner: instance };
}

/** The instance that a request names; undefined if any may serve it. */
export function instanceIn(
  request: Pick<Call, "method" | "params" | "resume">,
): string | undefined {
  const { method, params, resume } = request;
  if (resume?.state !== undefined) return ownerIn(resume.state);
  if (method.startsWith("tasks/")) return ownerIn(String(params["taskId"]));
  return asksForKept(request) ? instanceOfKept(String(params["uri"])) : undefined;
}

function ownerIn(sealed: string): string | undefined {
  try {
    const [, body = ""] = sealed.split(".");
    const { owner } = JSON.parse(new TextDecoder().decode(base64urlToBytes(body)));
    return typeof owner === "string" ? owner : undefined;
  } catch {
    return undefined;
  }
}
