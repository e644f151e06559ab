// What the exit code of meshdeck says.
export const exitCodes = {
  /** All of it was done, or was right already. */
  done: 0,
  /** Some of it failed; the others are done. */
  failed: 1,
  /** Bad arguments: nothing was changed. */
  usage: 2,
  /** The console or its data folder could not be had: nothing was changed. */
  unavailable: 3,
  /** It needs something of a person: a password, a fingerprint to be accepted. The run waits for it. */
  needsPerson: 4,
} as const;
