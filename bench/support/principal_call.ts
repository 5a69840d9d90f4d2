/** One stateless call of a principal that a header names. */
import { by } from "../../test/support/header_authenticator.ts";
import { ask } from "../../test/support/stateless_client.ts";

/** Calls the echo tool of the gateway at a URL; whether it was answered with a result. */
export async function callAs(url: string, user: string): Promise<boolean> {
  const send = (
    method: string,
    path: string,
    { headers, body }: { readonly headers?: Record<string, string>; readonly body?: unknown } = {},
  ) =>
    fetch(url + path, {
      method,
      ...(headers && { headers }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const params = { name: "echo", arguments: { text: user } };
  const response = await ask({ send }, "tools/call", params, { headers: by(user) });
  return (await response.text()).includes('"result"');
}
