/**
 * What servers have asked for at one instance, for a log-in that begins at another one: the page may
 * be opened there, and the instance has perhaps never called the server.
 */
import * as v from "valibot";
import type { TokenChallenge } from "./challenge.ts";
import type { GrantDeps } from "./grant_deps.ts";

const text = v.string();
const texts = v.pipe(v.array(text), v.readonly());
const form = v.object({
  resourceMetadata: v.optional(text),
  challenged: v.optional(texts),
  error: v.optional(text),
  isChallenge: v.boolean(),
  scopes: texts,
});

/** What was told. */
export interface ToldNeed {
  readonly challenge: TokenChallenge | undefined;
  /** The scopes that its tools need besides those of the grant. */
  readonly scopes: readonly string[];
}

/** The needs of principals at servers. Each function rejects when the store is unavailable. */
export interface ToldNeeds {
  tell(
    server: string,
    principal: string,
    challenge: TokenChallenge | undefined,
    scopes: readonly string[],
  ): Promise<void>;
  find(server: string, principal: string): Promise<ToldNeed | undefined>;
  /** A log-in has met them. */
  forget(server: string, principal: string): Promise<void>;
}

/** Makes the table; the needs at a server are a group. */
export function createToldNeeds(
  { records, limits }: Pick<GrantDeps, "records" | "limits">,
): ToldNeeds {
  const needs = records.table({
    name: "needs",
    form,
    lifeMs: limits.serverLinkMs,
    groupMax: limits.serverLinksMax,
    allMax: limits.serverLinksMax,
  });
  const idOf = (server: string, principal: string) => JSON.stringify([server, principal]);
  return {
    async tell(server, principal, challenge, scopes) {
      if (challenge === undefined && scopes.length === 0) return;
      await needs.put(idOf(server, principal), server, {
        isChallenge: challenge !== undefined,
        resourceMetadata: challenge?.resourceMetadata,
        challenged: challenge?.scopes,
        error: challenge?.error,
        scopes,
      });
    },
    async find(server, principal) {
      const found = await needs.find(idOf(server, principal));
      if (found === undefined) return undefined;
      const { isChallenge, resourceMetadata, challenged, error, scopes } = found;
      const challenge = { resourceMetadata, scopes: challenged, error };
      return { challenge: isChallenge ? challenge : undefined, scopes };
    },
    forget: async (server, principal) => void await needs.take(idOf(server, principal)),
  };
}
