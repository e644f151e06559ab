// What meshdeck's exit codes mean.
export const exitCodes = {
  /** All of it was done, or was right already. */
  done: 0,
  /** Some of it failed; the others are done. */
  failed: 1,
  /** Bad arguments: nothing was changed. */
  usage: 2,
  /** The console did not answer, or its data folder could not be opened: nothing was changed. */
  unavailable: 3,
  /** The run waits for a person: it needs a password, or a fingerprint accepted. */
  needsPerson: 4,
} as const;
