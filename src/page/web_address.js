/** Which addresses a person can be asked to open. Not here: how they are shown (address_view.js). */
import { bounds } from "./bounds.js";

/**
 * An address of the web as a browser reads it: its host (letters of other scripts as `xn--…`, the port
 * if it is not the usual one), and the whole address. Undefined: it is not opened, because it is no
 * address of the web, is too long to be shown, or has a name or password before its host, which can
 * look like another host.
 * @param {string} text
 * @returns {{ readonly host: string, readonly href: string } | undefined}
 */
export function webAddress(text) {
  if (text.length > bounds.addressCharsMax || !URL.canParse(text)) return undefined;
  const { protocol, host, href, username, password } = new URL(text);
  const isWeb = /^https?:$/.test(protocol) && username === "" && password === "";
  return isWeb && href.length <= bounds.addressCharsMax ? { host, href } : undefined;
}
