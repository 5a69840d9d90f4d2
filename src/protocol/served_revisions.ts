/** The revisions of the protocol that clients can speak with the gateway, newest first. */
import { revisions } from "./legacy/revisions.ts";
import { modernRevision } from "./modern/revision.ts";

/** All of them, at every endpoint that takes JSON-RPC messages. */
export const servedRevisions: readonly string[] = [modernRevision, ...revisions.toReversed()];
