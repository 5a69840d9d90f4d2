/**
 * What a principal may see and use: one check shared by lists, descriptions, calls, completion,
 * watches and notices. What is denied looks as if it did not exist. Not here: what the check is made
 * from (composed_policy.ts).
 */
import type { AccessRow, ToolHintName } from "../config/access_rows.ts";
import type { Caller, JsonObject, ListKind, Principal } from "../model.ts";
import type { ResolvedSurface, Server } from "./server.ts";

/** What a tool says about itself. A tool that does not say otherwise is destructive. */
export type ToolHints = Readonly<Record<ToolHintName, boolean>>;

/** An item of a server, by the server's own name or URI. */
export interface PolicyItem {
  readonly kind: ListKind;
  readonly own: string;
  /** Of a tool, as far as its definition is known. */
  readonly hints?: ToolHints | undefined;
}

/** `ask`: a person has to allow each call; the item is listed. */
export type PolicyAnswer = "allow" | "deny" | "ask";

/**
 * Decides; pure, and called often. Without an item it is about the server as a whole: a server that
 * is denied is gone from the surface.
 */
export type Policy = (principal: Principal, server: string, item?: PolicyItem) => PolicyAnswer;

/** Everybody may use everything that the gateway serves them. */
export const allowAll: Policy = () => "allow";

/** The policy of a running gateway. */
export interface Access {
  readonly policy: Policy;
  /**
   * The strictest answer that anything of a server can get: `allow` if the principal may use all of
   * it, `deny` if something there is or may be denied.
   */
  readonly strictest: (principal: Principal, server: string) => PolicyAnswer;
  /** Whether a list is the same for all principals. */
  isSameForAll(principal: Principal): boolean;
  /** Takes other rows; returns whether they changed anything for a principal. */
  replace(rows: readonly AccessRow[] | undefined): (principal: Principal) => boolean;
}

const readOnly: ToolHints = { readOnly: true, destructive: false };
const destructive: ToolHints = { readOnly: false, destructive: true };
const neither: ToolHints = { readOnly: false, destructive: false };

/** All hints that a tool can have. */
const allHints: readonly ToolHints[] = [readOnly, destructive, neither];

/** The hints in a tool's definition. */
export function hintsOf({ annotations }: JsonObject): ToolHints {
  const { readOnlyHint, destructiveHint } = (annotations ?? {}) as JsonObject;
  if (readOnlyHint === true) return readOnly;
  return destructiveHint === false ? neither : destructive;
}

/** The answers about a tool for all hints that it can have; about another item the only one. */
export function possibleAnswers(
  policy: Policy,
  principal: Principal,
  server: string,
  item: PolicyItem,
): readonly PolicyAnswer[] {
  if (item.kind !== "tools" || item.hints !== undefined) return [policy(principal, server, item)];
  return allHints.map((hints) => policy(principal, server, { ...item, hints }));
}

/** Whether an item is denied whatever its definition says. */
export function isDeniedFor(
  policy: Policy,
  principal: Principal,
  server: string,
  item: PolicyItem,
): boolean {
  return possibleAnswers(policy, principal, server, item).every((answer) => answer === "deny");
}

/** Whether something of a server is, or may be, hidden from a caller. */
export function isPartlyHidden(
  { strictest }: Pick<Access, "strictest">,
  { principal }: Pick<Caller, "principal">,
  server: Server | undefined,
): boolean {
  return server !== undefined && strictest(principal, server.config.name) === "deny";
}

/** A surface as a principal may know it: without the servers and ways that are denied. */
export function visibleTo(
  { policy, strictest }: Pick<Access, "policy" | "strictest">,
  principal: Principal,
  view: ResolvedSurface,
): ResolvedSurface {
  const { servers, takesForeign } = view;
  const isAllowed = ({ config: { name } }: Server) => policy(principal, name) !== "deny";
  const isWhole = servers.every(isAllowed);
  // Where a method leads that the protocol does not name is unknown, so it needs all rights there.
  const isOpen = !takesForeign ||
    servers.every(({ config: { name } }) => strictest(principal, name) === "allow");
  if (isWhole && isOpen) return view;
  return {
    ...view,
    servers: isWhole ? servers : servers.filter(isAllowed),
    takesForeign: takesForeign && isOpen,
  };
}
