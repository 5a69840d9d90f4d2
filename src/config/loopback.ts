/** Which addresses only this machine can reach. */

/** Whether a host to listen on is a loopback name or address. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
