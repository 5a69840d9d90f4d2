/** How an address is shown that a server asks a person to open, and how it is opened. */
import { bounds } from "./bounds.js";
import { marked } from "./page.js";
import { html } from "./vendor/lit-html.js";
import { cut } from "./visible.js";
import { webAddress } from "./web_address.js";

/**
 * The address of a link as a person decides about it, with its host first; and for one that is not
 * opened, why.
 * @param {string} text
 */
export function addressView(text) {
  const address = webAddress(text);
  if (address === undefined) {
    return html`
      <p class="mono wrap"><bdi>${marked(cut(text, bounds.textCharsMax))}</bdi></p>
      <p class="problem">Only addresses of the web are opened, of at most ${bounds.addressCharsMax}
              characters and without a user name.</p>
    `;
  }
  return html`
    <p>Host: <strong class="mono wrap">${address.host}</strong></p>
    <p class="mono wrap"><bdi>${marked(address.href)}</bdi></p>
  `;
}

/**
 * Opens a page that learns nothing of this one.
 * @param {string} href
 */
export const openOutside = (href) => void open(href, "_blank", "noopener,noreferrer");
