/**
 * `${…}` in the texts of a server: `${NAME}`, `${NAME:-default}` (also if NAME is empty),
 * `${env:NAME}`, and the two editor variables that have a meaning here, `${userHome}` and
 * `${pathSeparator}`. `$${` stands for a plain `${`. Any other form is refused with a sentence that
 * says what to write, because a server would misunderstand the text.
 */

/** A variable whose value is in a text. */
export interface UsedVariable {
  readonly name: string;
  readonly value: string;
}

/** A text with its values, or why it has none. */
export type Substitution =
  | { readonly ok: true; readonly text: string; readonly used: readonly UsedVariable[] }
  | {
    readonly ok: false;
    readonly problem: string;
    /** What to write instead, if the user can edit the text. */
    readonly edit?: string | undefined;
  };

/** The gateway's own key material: no server may read it. */
export const ownSecret = "MCP_SECRET";

const reference = /\$?\$\{([^}]*)\}/g;
const variable = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;
/** Variables that editors fill in from their open files. */
const editorVariable =
  /^(?:workspace(?:Folder|Root|FolderBasename)(?::.*)?|file[A-Z]?\w*|relativeFile\w*|cwd|selectedText|lineNumber|columnNumber|execPath|defaultBuildTask|__dirname|(?:command|config|extensionInstallFolder):.+)$/;

/**
 * Replaces every reference in `text`. `inputName` is the variable to suggest for `${input:x}`;
 * absent: one named after the input.
 */
export function substitute(
  text: string,
  env: Readonly<Record<string, string>>,
  inputName?: string,
): Substitution {
  const used: UsedVariable[] = [];
  let failure: { readonly problem: string; readonly edit?: string } | undefined;
  const replaced = text.replace(reference, (whole: string, inner: string) => {
    if (whole.startsWith("$$")) return whole.slice(1);
    const found = resolve(inner, env, inputName);
    if ("problem" in found) {
      failure ??= found;
      return "";
    }
    if (found.name !== undefined) used.push({ name: found.name, value: found.value });
    return found.value;
  });
  return failure === undefined ? { ok: true, text: replaced, used } : { ok: false, ...failure };
}

/** `$NAME` as in shells, and `%NAME%` as in Windows. Inside a word a `$` is only a `$`. */
const bare = /(?<![\w$\\])\$([A-Za-z_]\w*)|%([A-Z_][A-Z0-9_]{2,})%/g;
/** A text of this form is a name and not part of a password, so messages may show it. */
const plainName = /^[A-Z]{2,}$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;

/**
 * What is wrong with a text that names a variable as shells or Windows do, which is no reference
 * here; undefined for other texts. A name in lower case counts only if such a variable is set.
 */
export function bareReference(
  text: string,
  env: Readonly<Record<string, string>>,
): string | undefined {
  for (const [, shell, windows = ""] of text.matchAll(bare)) {
    const name = shell ?? windows;
    const isSet = Object.hasOwn(env, name) && name !== ownSecret;
    if (!isSet && !/^[A-Z][A-Z0-9_]+$/.test(name)) continue;
    const shown = isSet || plainName.test(name) ? name : "NAME";
    const how = shell === undefined ? "in percent signs" : "without braces";
    return `a variable ${how} is not replaced; write \${${shown}} for its value`;
  }
  return undefined;
}

type Resolved =
  | { readonly name?: string; readonly value: string }
  | { readonly problem: string; readonly edit?: string };

function resolve(
  inner: string,
  env: Readonly<Record<string, string>>,
  inputName: string | undefined,
): Resolved {
  if (inner === "pathSeparator" || inner === "/") return { value: "/" };
  if (inner === "userHome") return lookUp("HOME", undefined, inner, env);
  if (inner.startsWith("input:")) {
    const name = inputName ?? toVariableName(inner.slice("input:".length));
    return {
      problem: `\${${inner}} would ask the user; ` +
        `set the environment variable ${name} and write \${${name}} instead`,
    };
  }
  if (inner.includes("${")) {
    return { problem: `\${${inner}} is nested; one \${…} inside another is not supported` };
  }
  const match = variable.exec(inner);
  const name = match?.[1];
  if (name !== undefined && Object.hasOwn(env, name)) return lookUp(name, match?.[2], inner, env);
  if (editorVariable.test(inner)) {
    return { problem: `\${${inner}} is known only to editors; write the value itself` };
  }
  if (name !== undefined) return lookUp(name, match?.[2], inner, env);
  return {
    problem: `\${${inner}} is not understood; expected \${NAME}, \${NAME:-default} or ` +
      "${env:NAME} (write $${ for a plain ${)",
  };
}

function lookUp(
  name: string,
  otherwise: string | undefined,
  inner: string,
  env: Readonly<Record<string, string>>,
): Resolved {
  if (name === ownSecret) {
    return {
      problem: `\${${inner}} belongs to the gateway alone; use another variable for the server`,
    };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && (value !== "" || otherwise === undefined)) return { name, value };
  if (otherwise !== undefined) return { value: otherwise };
  return {
    problem: `the environment variable ${name} is not set; ` +
      "set it in the environment or .env and restart",
    edit: `write \${${name}:-default}`,
  };
}

/** The variable to use instead of `${input:…}`. */
export function toVariableName(input: string): string {
  const name = input.toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(name) ? name : `INPUT_${name}`;
}
