/**
 * A GET stream of a session over a plain socket: a thousand of them are open at once, more than
 * `fetch` holds, and the load generator looks for one text alone.
 */
import { connect } from "node:net";
import { within } from "../../test/support/wait.ts";
import type { Connection } from "./rpc_client.ts";

/** An open stream. */
export interface NoticeStream {
  close(): void;
}

/** Opens a stream and calls `arrived` each time a notice of this method has come. */
export async function openNoticeStream(
  { url, headers }: Connection,
  method: string,
  arrived: () => void,
): Promise<NoticeStream> {
  const { hostname, port, pathname, host } = new URL(url);
  const needle = `"method":"${method}"`;
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setEncoding("utf8");
  const head = Object.entries({ ...headers, host, accept: "text/event-stream" })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`GET ${pathname} HTTP/1.1\r\n${head}\r\n`);
  let isOpen = false;
  let text = "";
  const opened = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("The stream was closed")));
    socket.on("data", (chunk: string | Uint8Array) => {
      text += chunk;
      if (!isOpen) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!text.startsWith("HTTP/1.1 200 ")) return reject(new Error(`Refused: ${text}`));
        isOpen = true;
        text = text.slice(end);
        resolve();
      }
      for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle)) {
        text = text.slice(at + needle.length);
        arrived();
      }
      // The beginning of the next one may be there already.
      text = text.slice(-needle.length);
    });
  });
  await within("a GET stream to open", opened).catch((thrown) => {
    socket.destroy();
    throw thrown;
  });
  return { close: () => void socket.destroy() };
}
