/** URI templates (RFC 6570) of resources: which names they have, and the URI with values for them. */

/** An expression of a URI template (RFC 6570): `{name}`, `{+path}`, `{?a,b}`. */
const expression = /\{([+#./;?&]?)([^{}]*)\}/g;

/** How each operator joins what it expands. @type {Readonly<Record<string, readonly [string, string]>>} */
const operators = {
  "": ["", ","],
  "+": ["", ","],
  "#": ["#", ","],
  ".": [".", "."],
  "/": ["/", "/"],
  ";": [";", ";"],
  "?": ["?", "&"],
  "&": ["&", "&"],
};

/**
 * The names in a template, each once.
 * @param {string} template
 */
export function namesIn(template) {
  const names = [...template.matchAll(expression)].flatMap(([, , list = ""]) =>
    list.split(",").map(nameOf)
  );
  return [...new Set(names)].filter((name) => name !== "");
}

/** A name without its modifier. @param {string} part */
const nameOf = (part) => part.replace(/(?::\d+|\*)$/, "").trim();

/**
 * The URI of a template with these values; what is not given is left out.
 * @param {string} template
 * @param {Readonly<Record<string, unknown>>} args
 */
export function filled(template, args) {
  return template.replace(expression, (_, operator, list) => {
    const [first, between] = operators[operator] ?? ["", ","];
    const isNamed = operator === "?" || operator === "&" || operator === ";";
    const isOpen = operator === "+" || operator === "#";
    const parts = String(list).split(",").flatMap((one) => {
      const name = nameOf(one);
      const value = Object.hasOwn(args, name) ? String(args[name]) : undefined;
      if (value === undefined) return [];
      const text = isOpen ? encodeURI(value) : encodeURIComponent(value);
      return [isNamed ? `${name}=${text}` : text];
    });
    return parts.length === 0 ? "" : first + parts.join(between);
  });
}
