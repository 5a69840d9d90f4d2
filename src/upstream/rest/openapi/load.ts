/**
 * From an OpenAPI document to a service: read, name, select, and convert to operations, in slices,
 * so that a document of a thousand operations blocks no other work. Nothing of the document is
 * kept. An operation that cannot be a tool is left out with its reason; the service fails only if
 * none is left. Follows OpenAPI 3.0 and 3.1.
 */
import { sleep } from "../../../clock.ts";
import type { RestServerConfig } from "../../../config/config.ts";
import { isOffered } from "../../../config/tool_filter.ts";
import { GatewayError } from "../../../errors.ts";
import type { Limits } from "../../../limits.ts";
import type { UpstreamDeps } from "../../deps.ts";
import type { Operation, Service } from "../service.ts";
import { readDocuments } from "./documents.ts";
import { nameOperations } from "./operation_names.ts";
import { findOperations, type Found, toOperation } from "./operation.ts";
import { readSchemes, reserve, type Schemes, toHint } from "./security.ts";
import { toBaseUrl } from "./base_url.ts";
import { documentShape, shaped } from "./shape.ts";
import { cutText } from "./cut_text.ts";
import { member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** Left-out operations that the log names; the rest is counted. */
const leftOutShown = 20;

/** An operation with its name. */
type Named = Found & { readonly name: string };

/**
 * Reads a server's OpenAPI document. Rejects with a GatewayError whose message tells the operator
 * what to fix.
 */
export async function loadOpenApi(
  config: RestServerConfig,
  location: string,
  deps: UpstreamDeps,
  signal: AbortSignal,
): Promise<Service> {
  const { limits } = deps;
  const documents = await readDocuments(config, location, deps, signal);
  const { label } = documents;
  const document = toShape(documents.root.value, label);
  const baseUrl = toBaseUrl(config.baseUrl, document.servers, documents);
  const schemes = readSchemes(documents);
  const { found, leftOut } = findOperations(document.paths, documents);
  const names = await nameOperations(found);
  const named = found.map((one, at) => ({ ...one, name: names[at] ?? one.method }));
  const chosen = choose(named, config, label, limits);
  const common = { documents, baseUrl, reserved: reserve(schemes, config), limits };
  const operations: Operation[] = [];
  const taken = new Set<string>();
  await inTurns(chosen, deps, signal, (one) => {
    try {
      if (taken.has(one.name)) throw new Unusable("another operation has its name");
      operations.push(toOperation(one, one.name, common));
      taken.add(one.name);
    } catch (thrown) {
      if (!(thrown instanceof Unusable)) throw thrown;
      leftOut.push(`${one.method.toUpperCase()} ${cutText(one.path, 200)}: ${thrown.message}`);
    }
  });
  if (operations.length === 0) {
    throw refuse(label, `none of its operations can be a tool (${leftOut[0] ?? "it has none"})`);
  }
  adviseCredentials(config, document.security, chosen, schemes, deps);
  const { title, version, description } = document.info;
  return {
    title: cutText(title ?? config.name, 200),
    version,
    instructions: description === undefined
      ? undefined
      : cutText(description, limits.toolDescriptionCharsMax),
    baseUrl,
    operations,
    leftOut: leftOut.length <= leftOutShown
      ? leftOut
      : [...leftOut.slice(0, leftOutShown), `${leftOut.length - leftOutShown} more`],
    errorMessages: ["message", "error", "detail"],
  };
}

function toShape(value: unknown, label: string) {
  try {
    return shaped(documentShape, value, "the document");
  } catch (thrown) {
    throw thrown instanceof Unusable ? refuse(label, thrown.message) : thrown;
  }
}

/** The operations that become tools; a number too large to be intended is refused. */
function choose(
  named: readonly Named[],
  { tools }: RestServerConfig,
  label: string,
  limits: Limits,
): readonly Named[] {
  const chosen = named.filter(({ name }) => isOffered(tools, name));
  const max = tools.allow === undefined
    ? limits.openApiOperationsMax
    : limits.openApiOperationsChosenMax;
  if (chosen.length > max) {
    const example = JSON.stringify({ allow: [toPattern(chosen)] });
    throw refuse(
      label,
      tools.allow === undefined
        ? `its ${chosen.length} operations are too many tools; choose some with "tools": ${example}, ` +
          `or all with ["*"]; ${listTags(chosen)}`
        : `"tools" chooses ${chosen.length} operations, and at most ${max} can be tools; choose ` +
          `fewer, such as "tools": ${example}; ${listTags(chosen)}`,
    );
  }
  if (chosen.length === 0 && named.length > 0) {
    throw refuse(
      label,
      `"tools" chooses none of its ${named.length} operations; they have names such as "${
        named.slice(0, 3).map(({ name }) => name).join('", "')
      }"`,
    );
  }
  return chosen;
}

/** A pattern for the operations whose names begin with the most common first word. */
function toPattern(named: readonly Named[]): string {
  const [[word] = [""]] = count(named.map(({ name }) => name.split(/[_-]/)[0] ?? name));
  return `${word}*`;
}

function listTags(named: readonly Named[]): string {
  const tags = count(named.flatMap((one) => one.tags));
  if (tags.length === 0) return `they have names such as "${named[0]?.name}"`;
  const shown = tags.slice(0, tagsShown).map(([tag, times]) => `${cutText(tag, 40)} (${times})`);
  const more = tags.length > tagsShown ? ` and ${tags.length - tagsShown} more` : "";
  return `its tags are ${shown.join(", ")}${more}`;
}

const tagsShown = 12;

/** How often each text occurs, the most common first. */
function count(texts: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

/** Works through a list; other work gets a turn in between. */
async function inTurns<Item>(
  items: readonly Item[],
  { clock, limits }: UpstreamDeps,
  signal: AbortSignal,
  work: (item: Item) => void,
): Promise<void> {
  let turn = clock.monotonic();
  for (const item of items) {
    work(item);
    if (clock.monotonic() - turn < limits.readTurnMs) continue;
    await sleep(clock, 0, signal);
    if (signal.aborted) throw new GatewayError("cancelled");
    turn = clock.monotonic();
  }
}

/** Tells the operator what to write if the API needs credentials and there are none. */
function adviseCredentials(
  { name, credentials }: RestServerConfig,
  security: unknown,
  chosen: readonly Named[],
  schemes: Schemes,
  { log }: UpstreamDeps,
): void {
  if (credentials.type !== "none") return;
  const own = chosen.map(({ operation }) => member(operation.value, "security"));
  const isForAll = own.some((one) => one === undefined);
  const hint = toHint([...(isForAll ? [security] : []), ...own], schemes, name);
  if (hint === undefined) return;
  log.warn(
    `The API of server "${name}" asks for credentials and has none: set "credentials" to ${
      JSON.stringify(hint)
    }`,
  );
}

function refuse(label: string, why: string): GatewayError {
  return new GatewayError("bad_upstream_response", `Cannot offer "${label}": ${why}`);
}
