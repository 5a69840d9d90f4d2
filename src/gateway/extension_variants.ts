/**
 * Which extensions of a client its servers get, on a surface. A session declares its own. The
 * stateless clients of a principal share connections by what they declare, so that each new map
 * costs a process: a few at a time pass as they are, of further ones the relayed extensions alone,
 * in plain forms.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { extensionsIn, ofHandshake, passing, plainExtensions } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Caller, JsonObject } from "../model.ts";
import { foreignTarget } from "./foreign_methods.ts";
import type { Scopes } from "./scope.ts";
import type { ResolvedSurface } from "./server.ts";

/** The caller with the extensions that the servers of a surface get. */
export type ShowExtensions = (caller: Caller, view: ResolvedSurface) => Caller;

/** Makes the function; which maps passed lately is kept with their scope. */
export function createShowExtensions(
  { clock, limits, scopes }: {
    readonly clock: Clock;
    readonly limits: Pick<Limits, "extensionMapsMax" | "extensionMapMs">;
    readonly scopes: Scopes;
  },
): ShowExtensions {
  /** Whether a map is one of the few of its scope that pass as they are now. */
  const admits = (scope: string, extensions: JsonObject): boolean => {
    const { extensionMaps } = scopes.of(scope);
    const map = JSON.stringify(extensions);
    const now = clock.monotonic();
    for (const [other, usedAt] of extensionMaps) {
      if (now - usedAt > limits.extensionMapMs) extensionMaps.delete(other);
    }
    if (!extensionMaps.has(map) && extensionMaps.size >= limits.extensionMapsMax) return false;
    putWithin(extensionMaps, map, now, limits.extensionMapsMax);
    return true;
  };
  return (caller, view) => {
    const all = extensionsIn(caller.capabilities);
    const declared = caller.asksByResult === true ? all : ofHandshake(all);
    if (Object.keys(declared).length === 0) return caller;
    const extensions = passing(declared, foreignTarget(view) !== undefined);
    if (Object.keys(extensions).length === 0) return caller;
    if (caller.sharesScope !== true) return { ...caller, extensions };
    const plain = plainExtensions(extensions);
    const isPlain = JSON.stringify(plain) === JSON.stringify(extensions);
    return {
      ...caller,
      extensions: isPlain || admits(caller.scope, extensions) ? extensions : plain,
    };
  };
}
