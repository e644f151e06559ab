// Calls with large answers, or that ask nodes, run a few at a time for each connection and method; the others wait in order.
import type { MethodName } from '../../contract/browser.ts';

/** How many at a time. Methods that are not here have small answers, or another bound. */
export const laneWidths: { readonly [Name in MethodName]?: number } = {
  'fleet.subscribe': 1,
  'nodes.known': 1,
  'nodes.checks': 1,
  'runs.list': 1,
  'runs.subscribe': 1,
  'users.list': 1,
  'sessions.list': 1,
  'tokens.list': 1,
  'keys.list': 1,
  'ca.list': 1,
  'audit.list': 1,
  'command.suggest': 4,
  'plans.make': 4,
  'bridge.show': 4,
};

export class Lane {
  private readonly width: number;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(width: number) {
    this.width = width;
  }

  /** Resolves when it is the caller's turn, with what ends the turn. */
  async enter(): Promise<() => void> {
    if (this.running < this.width) this.running += 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    return () => {
      const next = this.waiting.shift();
      // The turn is handed on: nobody else can take it in between.
      if (next) next();
      else this.running -= 1;
    };
  }
}
