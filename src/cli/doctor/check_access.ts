/** How clients authenticate, and whether one can. */
import { count } from "../table.ts";
import { type Examination, type Finding, fine, warning } from "./finding.ts";

/** What a client needs to connect. */
export async function checkAccess({ running, start }: Examination): Promise<Finding[]> {
  const kinds = running?.view.auth ?? start?.config.auth?.kinds ?? [];
  if (kinds.length === 0 || kinds.includes("none")) {
    return [fine("Clients do not authenticate: every program of this machine may connect")];
  }
  const found = [fine(`Clients authenticate by ${kinds.join(" or ")}`)];
  if (!kinds.includes("key") || running === undefined) return found;
  const keys = await running.gateway.keys.list();
  const valid = keys.filter(({ isExpired }) => !isExpired).length;
  return valid > 0
    ? [...found, fine(`${count(valid, "key is", "keys are")} valid`)]
    : [...found, warning("No key is valid", "make one with mcp-wrapper keys add NAME")];
}
