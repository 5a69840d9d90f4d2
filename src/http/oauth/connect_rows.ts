/**
 * The routes of log-ins at protected servers: the page that begins one, the callback, and the
 * document by which authorization servers know the gateway as a client. They exist whichever kinds
 * of authenticators are in use.
 */
import { authenticates } from "../../config/reach.ts";
import { GatewayError } from "../../errors.ts";
import type { Gateway } from "../../gateway/surface.ts";
import { clientMetadataDocument } from "../../grants/client_document.ts";
import { callbackPath, clientMetadataPath, connectPath } from "../../grants/login_place.ts";
import type { GatewayConfig } from "../../config/config.ts";
import { createFormReader } from "../form_body.ts";
import type { OpenContext } from "../request_context.ts";
import type { OpenEndpoint, OpenRow } from "../route_match.ts";
import { fillName, type SurfaceKinds } from "../surface_kinds.ts";
import { withPages } from "./browser_request.ts";
import type { ConnectLayer, ConnectParts } from "./connect_access.ts";
import { showCallback } from "./connect_callback.ts";
import { showConnect, takeConnect } from "./connect_page.ts";
import { documentResponse } from "./oauth_responses.ts";

/** What the rows are made of. */
export interface ConnectDeps
  extends ConnectParts, Pick<ConnectLayer, "baseUrl" | "clientAddress" | "clock" | "limits"> {
  readonly gateway: Pick<Gateway, "surface">;
  readonly surfaceKinds: SurfaceKinds;
  readonly config: Pick<GatewayConfig, "auth" | "publicUrl">;
  /** Whether people log in at the gateway. */
  readonly hasLogins: boolean;
}

/** The rows. */
export function connectRows(deps: ConnectDeps): OpenRow[] {
  const { limits, clock, config: { publicUrl } } = deps;
  const layer: ConnectLayer = {
    ...deps,
    readForm: createFormReader({ limits, clock }),
    isVisible: visibilityOf(deps),
    authenticates: authenticates(deps.config),
  };
  const page = (answer: (layer: ConnectLayer, context: OpenContext) => Promise<Response>) =>
    withPages((context) => answer(layer, context));
  const document: OpenEndpoint = () => {
    // Authorization servers read it: a document that none of them can reach is none.
    const isReachable = publicUrl !== undefined && new URL(publicUrl).protocol === "https:";
    if (!isReachable || deps.protectedServers().length === 0) {
      throw new GatewayError("path_unknown");
    }
    const own = (path: string) => `${publicUrl}${path}`;
    return documentResponse(clientMetadataDocument(own(clientMetadataPath), own(callbackPath)));
  };
  return [
    {
      path: `${connectPath}/:name`,
      openMethods: { GET: page(showConnect), POST: page(takeConnect) },
    },
    { path: callbackPath, openMethods: { GET: page(showCallback) } },
    { path: clientMetadataPath, openMethods: { GET: document, HEAD: document } },
  ];
}

/** A server is visible to a principal that may use the surface of that server alone. */
function visibilityOf({ gateway, surfaceKinds }: ConnectDeps): ConnectLayer["isVisible"] {
  const kind = surfaceKinds.find(({ isServer }) => isServer === true);
  return (principal, server) => {
    const found = kind && gateway.surface(fillName(kind.surface, server), principal);
    return found !== undefined && found.isHidden !== true;
  };
}
