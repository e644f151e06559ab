// Work that comes one after the other, in the order in which it was asked for.

/** What fails does not hold up what comes after it. Work that waits for a turn of its own kind would wait for ever. */
export function takeTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
