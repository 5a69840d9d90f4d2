/** Base64 as servers send it: checked in one pass, however hostile the text is. */

/** Without `\s`: a pattern with two places for blanks takes the square of their number. */
const form = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * A Base64 text without its blanks; undefined if it is none.
 * @param {string} text
 * @returns {string | undefined}
 */
export function base64In(text) {
  const bare = text.replace(/\s/g, "");
  return form.test(bare) ? bare : undefined;
}
