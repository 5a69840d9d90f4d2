/** The address of the gateway from outside: its name, its certificate and its clock. */
import { isLoopback } from "../../config/loopback.ts";
import { defaultLimits, msPerSecond } from "../../limits.ts";
import { compareClock } from "./check_clock.ts";
import { type Finding, fine, problem, warning } from "./finding.ts";
import type { Outside } from "./outside.ts";

/** Looks at the address; `answered` is the answer of the gateway there. */
export async function checkAddress(outside: Outside, answered: Headers): Promise<Finding[]> {
  const url = new URL(outside.base);
  const isHere = isLoopback(url.hostname);
  const clock = isHere ? undefined : compareClock(answered, "the public address");
  return [
    ...(isHere
      ? [fine("Only programs of this machine can connect; claude.ai needs a public https URL")]
      : await checkIpv4(outside, url)),
    ...(url.protocol === "https:" ? await checkCertificate(outside, url) : isHere ? [] : [warning(
      `${outside.base} is not encrypted`,
      "let a proxy in front of the gateway serve https: clients do not log in over http elsewhere",
    )]),
    ...(clock === undefined ? [] : [clock]),
  ];
}

const ipv4 = /^\d+\.\d+\.\d+\.\d+$/;

/** Clients in a cloud may have IPv4 alone. */
async function checkIpv4(
  { base, send, isReachedFromElsewhere }: Outside,
  { hostname }: URL,
): Promise<Finding[]> {
  const found: string[] = [];
  const answer = await send(`${base}/health`, {
    allowAddress: (address) => {
      if (ipv4.test(address)) found.push(address);
      return ipv4.test(address);
    },
  });
  if (found.length === 0) {
    return [problem(
      `${hostname} has no IPv4 address`,
      "add an A record to its DNS entry: claude.ai and others come over IPv4 alone",
    )];
  }
  const addresses = found.join(", ");
  if ("fault" in answer) {
    return [problem(
      `${hostname} does not answer over IPv4 (${addresses}): ${answer.fault.message}`,
      "correct its A record, or open the port for IPv4, too",
    )];
  }
  return found.some(isReachedFromElsewhere)
    ? [fine(`${hostname} answers over IPv4 (${addresses})`)]
    : [warning(
      `${hostname} is ${addresses} here, an address that clients elsewhere cannot reach`,
      "for clients in a cloud, such as claude.ai, give the name a public address",
    )];
}

const msPerDay = 24 * 60 * 60 * msPerSecond;

/** A certificate that is not trusted, or has ended, was a fault of the first request. */
async function checkCertificate({ certificateEnd }: Outside, url: URL): Promise<Finding[]> {
  const end = await certificateEnd(url);
  if (end === undefined) return [fine("Not checked: until when the certificate is valid")];
  const restMs = end - Date.now();
  const text = `The certificate of ${url.hostname} is valid for ${
    Math.floor(restMs / msPerDay)
  } days more`;
  return restMs < defaultLimits.certificateWarningMs
    ? [warning(text, "renew it; the proxy does so by itself where ACME is set up")]
    : [fine(text)];
}
