// Steps that show progress, on a terminal: prints it, and reads what the user tells a step that waits (keep, undo, more).
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { describeError } from '../contract/errors.ts';
import type { RunEvent, StepProgress } from '../contract/plans.ts';
import { safeText } from '../core/safe-text.ts';
import type { Backend } from './backend.ts';

/** A countdown each second would scroll everything else away. */
const shownEveryMs = 10_000;

export class StepWatch {
  private readonly run: string;
  private readonly words: readonly string[];
  private readonly backend: Pick<Backend, 'signal'>;
  /** Running steps that show progress, with the text that was printed last for each. */
  private readonly shown = new Map<string, { state: unknown; at: number }>();
  private reader: Interface | null = null;

  /** `words`: the words that steps of this kind hear; empty: none. */
  constructor(run: string, words: readonly string[], backend: Pick<Backend, 'signal'>) {
    this.run = run;
    this.words = words;
    this.backend = backend;
  }

  /** `isInteractive`: somebody may type. */
  take(event: Extract<RunEvent, { event: 'progress' }>, isInteractive: boolean): void {
    if (event.progress === null) {
      this.shown.delete(event.step);
      if (this.shown.size === 0) this.close();
      return;
    }
    const before = this.shown.get(event.step);
    const state = event.progress['state'];
    const isDue = before === undefined || before.state !== state || performance.now() - before.at > shownEveryMs;
    if (isDue) console.log(safeText(`    [${event.step}] ${describeProgress(event.progress)}`));
    this.shown.set(event.step, isDue ? { state, at: performance.now() } : before);
    const [first] = this.words;
    if (isInteractive && !this.reader && first !== undefined) {
      console.log(`    type ${describeWords(this.words)} (for one node: ${first} node2)`);
      this.reader = createInterface({ input: process.stdin });
      this.reader.on('line', (line) => void this.hear(line));
    }
  }

  close(): void {
    this.reader?.close();
    this.reader = null;
  }

  private async hear(line: string): Promise<void> {
    const [word = '', node] = line.trim().toLowerCase().split(/\s+/);
    if (word === '') return;
    if (!this.words.includes(word)) {
      console.log(`    ${describeWords(this.words)}`);
      return;
    }
    const steps = [...this.shown.keys()].filter((key) => node === undefined || key.toLowerCase().endsWith(` ${node}`));
    if (steps.length === 0) console.log(safeText(`    ${node ?? 'nothing'} does not wait for anyone now`));
    for (const step of steps) {
      await this.backend
        .signal(this.run, step, word)
        .catch((error: unknown) => console.log(safeText(`    ${step}: ${describeError(error)}`)));
    }
  }
}

/** `keep, undo or more`. */
function describeWords(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

function describeProgress(progress: StepProgress): string {
  const { state, text } = progress;
  return [state, text].filter((part) => typeof part === 'string' && part !== '').join(': ');
}
