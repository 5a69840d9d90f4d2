/**
 * W3C trace context of a call, as SEP-414 puts it into `_meta`: noted for the steps and readers
 * that want it, and passed on to the server as it came. There is no exporter here.
 */
import type { JsonObject } from "../../model.ts";
import type { MakeStep } from "./steps.ts";

/**
 * A version, a trace id, a parent id and flags, in lower-case hexadecimal (W3C Trace Context, 3.2).
 */
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** Makes the step. */
export const makeTraceStep: MakeStep = () => ({
  name: "trace",
  before(context) {
    const meta = context.call.params["_meta"] as JsonObject | undefined;
    const traceparent = meta?.["traceparent"];
    if (typeof traceparent !== "string" || !traceparentForm.test(traceparent)) return;
    const tracestate = meta?.["tracestate"];
    context.trace = {
      traceparent,
      tracestate: typeof tracestate === "string" ? tracestate : undefined,
    };
  },
});
