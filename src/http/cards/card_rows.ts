/**
 * The URLs of server cards and of their catalog, and which of them web pages of every origin may
 * read. A public card is for every client; any other needs what its endpoint needs. Not here: what a
 * card says (server_card.ts) and what the catalog names (ai_catalog.ts).
 */
import { GatewayError } from "../../errors.ts";
import type { CardFacts } from "../../gateway/surface.ts";
import { namedSurface } from "../endpoint_target.ts";
import type { OpenContext } from "../request_context.ts";
import type { Endpoint, OpenRow, SurfaceRow } from "../route_match.ts";
import { nameIn, type SurfaceKind, type SurfaceKinds } from "../surface_kinds.ts";
import { type CatalogDeps, catalogPath, createCatalog } from "./ai_catalog.ts";
import { cardSuffix, cardType, toServerCard } from "./server_card.ts";
import { taggedResponse } from "./tagged_response.ts";

/** The row of the card of each kind of surface, and that of the catalog. */
export function cardRows(deps: CatalogDeps): (SurfaceRow | OpenRow)[] {
  const catalog = createCatalog(deps);
  return [
    ...deps.surfaceKinds.map((kind) => cardRow(deps, kind)),
    { path: catalogPath, openMethods: { GET: catalog, HEAD: catalog } },
  ];
}

function cardRow(deps: CatalogDeps, kind: SurfaceKind): SurfaceRow {
  const { gateway } = deps;
  const card: Endpoint = (context) => {
    const { surface, principal } = context;
    const facts = gateway.cardFacts(surface, principal);
    if (facts === undefined) {
      throw new GatewayError("path_unknown", `Cannot find "${surface}": ${kind.unknown}`);
    }
    return respond(deps, kind, surface, facts, context);
  };
  return {
    path: `${kind.path}/mcp${cardSuffix}`,
    kind,
    suffix: cardSuffix,
    methods: { GET: card, HEAD: card },
    openAnswer(context, encoded) {
      const { method } = context.request;
      if (method !== "GET" && method !== "HEAD") return undefined;
      const surface = namedSurface(kind, encoded);
      const facts = gateway.cardFacts(surface);
      return facts?.isPublic === true ? respond(deps, kind, surface, facts, context) : undefined;
    },
  };
}

function respond(
  deps: CatalogDeps,
  kind: SurfaceKind,
  surface: string,
  facts: CardFacts,
  { request, fetchContext }: OpenContext,
): Response {
  const base = deps.baseUrl(request, fetchContext);
  const name = nameIn(surface, kind.surface) ?? "";
  const body = toServerCard({ base, kind, name }, facts, deps);
  return taggedResponse(request, { type: cardType, body, isPublic: facts.isPublic }, deps.sha256);
}

/** Whether a URL is that of the catalog, or has the form of a card's. */
export function createCardUrls(kinds: SurfaceKinds): (url: string) => boolean {
  const forms = [catalogPath, ...kinds.map(({ path }) => `${path}/mcp${cardSuffix}`)]
    .map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:name/g, "[^/?#]+"));
  const form = new RegExp(`^[a-z]+://[^/?#]*(?:${forms.join("|")})/?(?:[?#]|$)`);
  return (url) => form.test(url);
}
