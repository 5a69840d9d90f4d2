/**
 * Where a call goes, noted while it finds its way: for the log, and for whether its client gets
 * progress of the gateway's own while the server is silent.
 */
import type { Call } from "../model.ts";
import { nameIn } from "./steps/audit.ts";
import type { Member, View } from "./server.ts";
import { mayBelong } from "./name.ts";

/** Notes the server of a call, and what it calls what is asked for. */
export function noteTarget({ target, params }: Call, member: Member | undefined): void {
  if (target === undefined || member === undefined) return;
  target.server = member.config.name;
  target.keepAlive = member.config.keepAlive;
  const name = nameIn(params);
  if (name !== undefined) target.name = name;
}

/** Notes what holds for all servers that a name may belong to, until the owner is found. */
export function noteCandidates({ target, wantsProgress }: Call, view: View, offered: string): void {
  if (target === undefined || !wantsProgress) return;
  const isOn = view.members.some(({ config: { name, keepAlive } }) =>
    keepAlive !== false && (!view.prefixed || mayBelong(name, offered))
  );
  if (!isOn) target.keepAlive = false;
}
