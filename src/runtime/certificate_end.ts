/** Reads how long the certificate of a server is valid, by `node:tls`, which every runtime has. */
import { isIP } from "node:net";
import { connect } from "node:tls";
import type { TlsServer } from "./system.ts";

/** The end of the certificate; undefined without an answer in time. Nothing is sent to the server. */
export function certificateEnd(
  { host, port, withinMs }: TlsServer,
): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const socket = connect({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // A certificate that is not trusted has an end, too.
    rejectUnauthorized: false,
  });
  const end = (at?: number) => {
    clearTimeout(timer);
    resolve(at);
    socket.destroy();
  };
  const timer = setTimeout(end, withinMs);
  socket.once("secureConnect", () => {
    const at = Date.parse(socket.getPeerCertificate().valid_to);
    end(Number.isNaN(at) ? undefined : at);
  });
  // It stays: a socket may fail again while it is destroyed.
  socket.on("error", () => end());
  return promise;
}
