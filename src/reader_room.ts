/** What a call's server learns of the client that reads the call's stream. Types only. */

/** The room of one reader for the notices of one call. */
export interface ReaderRoom {
  /**
   * A promise while the reader lags; it resolves when there is room, or when waiting longer helps no
   * one. A server that works for this client alone waits for it.
   */
  wait(): Promise<void> | undefined;
  /** Whether a notice that came now would be dropped; then it counts as dropped, and is not read. */
  drops(): boolean;
}

/** A call with notices. */
export interface ReadCall {
  /** The room of its client. Absent: that takes all notices at once. */
  readonly room?: ReaderRoom | undefined;
}
