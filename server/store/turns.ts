// Work that comes one after the other, in the order in which it was asked for.

/** A failure does not hold up later work. Work that waits for another turn of the same queue would wait forever. */
export function takeTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
