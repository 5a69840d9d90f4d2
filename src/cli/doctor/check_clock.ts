/** The clock: tokens fail where it is wrong. It is compared with a configured remote server. */
import type { HttpServerConfig } from "../../config/config.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { defaultLimits, msPerSecond } from "../../limits.ts";
import { type Examination, type Finding, fine, problem, warning } from "./finding.ts";
import { request } from "./probe.ts";

/** Compares the clock with the Date of the first remote server that answers. */
export async function checkClock({ context, servers }: Examination): Promise<Finding[]> {
  const remote = servers.filter((server) => isOfKind<HttpServerConfig>(server, "http"));
  for (const server of remote) {
    const answer = await request(context, new URL((server as HttpServerConfig).url).origin);
    const found = "headers" in answer
      ? compareClock(answer.headers, `server "${server.name}"`)
      : undefined;
    if (found !== undefined) return [found];
  }
  const why = remote.length === 0 ? "no remote server is configured" : "no remote server answers";
  return [fine(`Not checked: ${why}`)];
}

/** Compares the clock with the Date of an answer; undefined if the answer has none. */
export function compareClock(headers: Headers, other: string): Finding | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(date)) return undefined;
  const aheadMs = Date.now() - date;
  const off = Math.abs(aheadMs);
  const seconds = Math.round(off / msPerSecond);
  const text = `The clock is ${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} ${other}`;
  const advice = "set the clock of this machine, by NTP if possible";
  if (off >= defaultLimits.clockProblemMs) return problem(text, advice);
  return off >= defaultLimits.clockWarningMs
    ? warning(text, advice)
    : fine(`The clock agrees with ${other}`);
}
