// A capture while it runs, whatever it takes.

export interface RunCounts {
  /** Packets, or flows. */
  readonly packets: number;
  readonly bytes: number;
}

export interface RunEvents {
  readonly onGrow: (counts: RunCounts) => void;
  /** It ended on its own, once; `stop` is still to be called. `ended`: at a limit, as asked. */
  readonly onEnd: (state: 'ended' | 'failed', reason: string) => void;
}

export interface CaptureRun {
  /** Nothing of it is left when it settles. @throws AppError when something is */
  stop(): Promise<RunCounts & { readonly dropped: number | null }>;
}
