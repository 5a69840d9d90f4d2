/** Where people log in at protected servers. Types only. */

/** Makes links to the log-in pages. */
export interface LoginPlace {
  /**
   * The URL of the page with a new link for one principal. Undefined: there are no pages, or only
   * the operator may log in at this server.
   */
  urlOf(server: string, principal: string): string | undefined;
}
