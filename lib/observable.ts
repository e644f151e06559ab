// A value that others watch: the only state container of the browser. It notifies after a change and never in the middle
// of one; React reads it through useSyncExternalStore (lib/use-console.ts).

export interface Readable<T> {
  readonly get: () => T;
  /** Calls `listener` after each change; the function returned ends that. */
  readonly subscribe: (listener: () => void) => () => void;
}

export class Observable<T> implements Readable<T> {
  private value: T;
  private readonly listeners = new Set<() => void>();

  constructor(value: T) {
    this.value = value;
  }

  readonly get = (): T => this.value;

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };
}
