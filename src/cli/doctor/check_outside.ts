/**
 * Looks at the running gateway from outside, by the URL that clients use and without credentials:
 * most failing connections fail in front of the gateway, where its own log shows nothing.
 */
import { isReachedFromElsewhere, readAccessFacts } from "../../app.ts";
import { defaultLimits } from "../../limits.ts";
import { type Examination, type Finding, fine } from "./finding.ts";
import type { Outside } from "./outside.ts";
import { checkAddress } from "./outside_address.ts";
import { checkChallenge } from "./outside_challenge.ts";
import { checkMetadata } from "./outside_metadata.ts";
import { request } from "./probe.ts";

/** The address, the challenge, the metadata and the token endpoint, as clients meet them. */
export async function checkOutside(
  { context, running, start }: Examination,
): Promise<Finding[]> {
  if (running === undefined) {
    return [fine("Not checked: no gateway runs; start it, and run doctor again")];
  }
  const { auth: kinds = start?.config.auth?.kinds ?? [], publicUrl, url } = running.view;
  const base = start?.config.publicUrl ?? publicUrl ?? url;
  const settings = start?.config.auth?.settings ?? {};
  return await lookFromOutside({
    base: base.replace(/\/$/, ""),
    facts: await readAccessFacts({ kinds, settings }),
    isReachedFromElsewhere,
    send: (to, sent) => request(context, to, { withinMs: defaultLimits.clientPatienceMs, ...sent }),
    certificateEnd: ({ hostname, port }) =>
      context.platform.system.certificateEnd({
        host: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? 443 : Number(port),
        withinMs: defaultLimits.checkMs,
      }),
  });
}

/** The findings at one URL. */
export async function lookFromOutside(outside: Outside): Promise<Finding[]> {
  const { base, facts: { kinds }, send } = outside;
  const answer = await send(`${base}/health`);
  // Why not, says the group of the public address.
  if ("fault" in answer) return [fine("Not checked: the gateway does not answer there")];
  const address = await checkAddress(outside, answer.headers);
  if (kinds.length === 0 || kinds.includes("none")) return address;
  const { findings, issuer } = await checkChallenge(outside);
  const found = [...address, ...findings];
  return issuer === undefined ? found : [...found, ...await checkMetadata(outside, issuer)];
}
