/** The exit codes of the program, for scripts: the same for every command. */

/** What each code means. */
export const exitCodes = {
  ok: 0,
  /** Something went wrong, or a check found a problem. */
  failed: 1,
  /** Wrong arguments, or a wrong configuration. */
  usage: 2,
  /** No such server, tool, client or file. */
  notFound: 3,
  /** The command needs a running gateway, and none runs. */
  noGateway: 4,
  /** A confirmation or a log-in is missing. */
  needsPerson: 5,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** One of them. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
