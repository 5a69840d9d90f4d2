/** The clock: tokens fail where it is wrong. It is compared with a configured remote server. */
import type { HttpServerConfig } from "../../config/config.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { defaultLimits, msPerSecond } from "../../limits.ts";
import { request } from "./check_gateway.ts";
import { type Examination, type Finding, fine, problem, warning } from "./finding.ts";

/** Compares the clock with the Date of the first remote server that answers. */
export async function checkClock({ context, servers }: Examination): Promise<Finding[]> {
  const remote = servers.filter((server) => isOfKind<HttpServerConfig>(server, "http"));
  for (const server of remote) {
    const answer = await request(context, new URL((server as HttpServerConfig).url).origin);
    const date = "headers" in answer ? Date.parse(answer.headers.get("date") ?? "") : NaN;
    if (!Number.isNaN(date)) return [compare(Date.now() - date, server.name)];
  }
  const why = remote.length === 0 ? "no remote server is configured" : "no remote server answers";
  return [fine(`Not checked: ${why}`)];
}

function compare(aheadMs: number, name: string): Finding {
  const off = Math.abs(aheadMs);
  const seconds = Math.round(off / msPerSecond);
  const text = `The clock is ${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} server "${name}"`;
  const advice = "set the clock of this machine, by NTP if possible";
  if (off >= defaultLimits.clockProblemMs) return problem(text, advice);
  return off >= defaultLimits.clockWarningMs
    ? warning(text, advice)
    : fine(`The clock agrees with server "${name}"`);
}
