/**
 * The AI catalog of the gateway: `/.well-known/ai-catalog.json` names the card of each surface that
 * the caller may know. Without credentials it names the public cards alone.
 */
import { type Authenticator, isChallenge } from "../../auth/authenticator.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { JsonObject, Principal } from "../../model.ts";
import { type AdmissionRequest, toAdmission } from "../admission.ts";
import { EndpointTarget } from "../endpoint_target.ts";
import type { BaseUrl } from "../gateway_url.ts";
import type { Guard } from "../guard.ts";
import type { OpenContext } from "../request_context.ts";
import type { OpenEndpoint } from "../route_match.ts";
import { fillName, type SurfaceKind, type SurfaceKinds } from "../surface_kinds.ts";
import {
  type CardDeps,
  type CardSubject,
  cardSuffix,
  cardType,
  endpointUrl,
  nameOf,
} from "./server_card.ts";
import { taggedResponse } from "./tagged_response.ts";

/** The path of the catalog. */
export const catalogPath = "/.well-known/ai-catalog.json";

/** What cards and their catalog need of the HTTP layer. */
export interface CatalogDeps extends CardDeps {
  readonly gateway: Pick<Gateway, "cardFacts" | "names">;
  readonly authenticator: Authenticator;
  readonly surfaceKinds: SurfaceKinds;
  readonly baseUrl: BaseUrl;
  readonly guard: Pick<Guard, "takesOrigin">;
}

/** Who asks: its principal on a surface, undefined where it has none. */
type PrincipalOn = (kind: SurfaceKind, name: string) => Promise<Principal | undefined>;

const noClient: PrincipalOn = () => Promise.resolve(undefined);

/** Makes the endpoint. */
export function createCatalog(deps: CatalogDeps): OpenEndpoint {
  const { gateway, baseUrl, sha256 } = deps;
  return async (context) => {
    const { request, fetchContext } = context;
    const caller = await callerOf(deps, context);
    if (caller instanceof Response) return caller;
    const base = baseUrl(request, fetchContext);
    const entries: JsonObject[] = [];
    for (const { kind, name } of surfacesOf(deps)) {
      const surface = fillName(kind.surface, name);
      const isShown = gateway.cardFacts(surface)?.isPublic === true ||
        await isVisible(deps, surface, await caller(kind, name));
      if (isShown) entries.push(toEntry({ base, kind, name }, deps));
    }
    const document = {
      type: "application/ai-catalog+json",
      body: { specVersion: "1.0", entries },
      isPublic: false,
    };
    return taggedResponse(request, document, sha256);
  };
}

/** Every surface whose name is known: those without one, and those that their kind names. */
function surfacesOf({ surfaceKinds, gateway }: CatalogDeps) {
  const known = gateway.names();
  return surfaceKinds.flatMap((kind) => {
    const isSingle = !kind.path.includes(":");
    const names = kind.names?.(known) ?? (isSingle ? [""] : []);
    return names.map((name) => ({ kind, name }));
  });
}

/**
 * The caller, or the response to credentials that are not valid. They are those of the surface
 * without a name; a token for it is looked at on each other surface, too, which may refuse it.
 */
async function callerOf(deps: CatalogDeps, context: OpenContext): Promise<PrincipalOn | Response> {
  const { authenticator, guard, surfaceKinds } = deps;
  const isForeignPage = authenticator.letsAllIn === true && !guard.takesOrigin(context.request);
  const [first] = surfaceKinds.toSorted((one, other) => one.path.length - other.path.length);
  if (isForeignPage || first === undefined) return noClient;
  const asked = askedAs(deps, context, first, "");
  const outcome = await authenticator.authenticate(asked.request, asked.target);
  if (isChallenge(outcome) && outcome.error === undefined) return noClient;
  const admitted = toAdmission(deps, asked, outcome);
  if (admitted instanceof Response) return admitted;
  return async (kind, name) => {
    if (kind === first) return admitted;
    const target = askedAs(deps, context, kind, name);
    const one = await authenticator.authenticate(target.request, target.target);
    return isChallenge(one) ? undefined : one;
  };
}

function askedAs(
  { baseUrl }: CatalogDeps,
  context: OpenContext,
  kind: SurfaceKind,
  name: string,
): AdmissionRequest {
  const encoded = encodeURIComponent(name);
  const at = { path: `${fillName(kind.path, encoded)}/mcp`, name: encoded };
  const { request, fetchContext } = context;
  return { request, fetchContext, target: new EndpointTarget(baseUrl, context, kind, at) };
}

function isVisible(
  { gateway }: CatalogDeps,
  surface: string,
  principal: Principal | undefined,
): boolean {
  if (principal === undefined) return false;
  const facts = gateway.cardFacts(surface, principal);
  return facts !== undefined && !facts.isHidden;
}

/** An entry for a card (docs/discovery.md of SEP-2127); older readers want `displayName`. */
function toEntry(subject: CardSubject, deps: CatalogDeps): JsonObject {
  const { host, own } = nameOf(subject, deps);
  return {
    identifier: `urn:air:${host}:mcp:${own}`,
    displayName: subject.name || deps.identity.name,
    type: cardType,
    url: `${endpointUrl(subject)}${cardSuffix}`,
  };
}
