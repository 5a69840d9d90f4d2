/**
 * How a client shows its secret in the header of a token request (`client_secret_basic`: RFC 6749,
 * section 2.3.1). Its parts are encoded as forms are. What a form leaves as it is, such as the hyphen
 * of "my-client", must not be escaped: many servers compare the parts without decoding them.
 */
import { bytesToBase64 } from "../bytes_text.ts";

/** The value of the header `Authorization`. */
export function toClientBasic(clientId: string, clientSecret: string): string {
  const pair = `${encodeForm(clientId)}:${encodeForm(clientSecret)}`;
  return `Basic ${bytesToBase64(new TextEncoder().encode(pair))}`;
}

/** The same as oauth4webapi takes it: its own function of this name escapes more than a form does. */
export function clientSecretBasic(clientSecret: string): (
  server: unknown,
  client: { readonly client_id: string },
  body: unknown,
  headers: Headers,
) => void {
  return (_server, { client_id: clientId }, _body, headers) =>
    headers.set("authorization", toClientBasic(clientId, clientSecret));
}

function encodeForm(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
