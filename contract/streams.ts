// Streams of the console: a WebSocket at `/streams/<service>?cluster=…&node=…&args=…` with binary messages both ways. An upgrade
// that is refused gets an HttpError; what goes wrong after it is a close code with its reason. A WebSocket has no half-close: the
// end of one direction ends both, once what was sent has arrived.

/** Codes with which the console closes the WebSocket of a stream. */
export const streamClose = {
  /** The service sent all it had. */
  ended: 1000,
  /** The console stops. */
  goingAway: 1001,
  /** The page sent text. */
  binaryOnly: 1003,
  /** The session ended, or its role is no longer enough. */
  sessionEnded: 4001,
  /** No stream was opened, or it broke; the reason says why. */
  failed: 4002,
} as const;
