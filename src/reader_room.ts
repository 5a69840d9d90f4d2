/** How a call's server learns that the client reads more slowly than notices come. Types only. */

/** The room of one reader. */
export interface ReaderRoom {
  /**
   * A promise while the reader lags; it resolves when there is room, or when waiting longer helps no
   * one. A server that works for this client alone waits for it. Absent: nothing waits.
   */
  readonly room?: (() => Promise<void> | undefined) | undefined;
}
