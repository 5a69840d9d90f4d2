/**
 * The trace of a call (SEP-414): the context in its `_meta`, or else that of the HTTP request around
 * it. Without an exporter the context passes as it came; a message of which only the headers name it
 * gets it in `_meta`, too. With an exporter the gateway's own spans stand between client and server.
 * A context that is not valid counts as absent (W3C Trace Context, 4.2).
 */
import { traceInMeta } from "../../trace_context.ts";
import type { MakeStep } from "./steps.ts";

/** Makes the step. */
export const makeTraceStep: MakeStep = ({ tracer }) => ({
  name: "trace",
  before(context) {
    const { params, trace: around, isRepeated, caller } = context.call;
    const own = traceInMeta(params["_meta"]);
    const given = own ?? around;
    if (tracer !== undefined && isRepeated !== true) {
      const isOther = own !== undefined && around?.spanId !== own.spanId;
      context.trace = tracer.begin(given, isOther ? around : undefined, caller.revision);
    } else if (given !== undefined) {
      context.trace = { traceId: given.traceId, passed: own === undefined ? given : undefined };
    }
  },
});
