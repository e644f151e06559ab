// Which changes of runs are worth a word to this reader: what others start on nodes, and how one's own ended elsewhere.
import type { RunSummary } from '../../contract/plans.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';

export interface RunNews {
  readonly title: string;
  readonly description: string;
  readonly tone: 'ok' | 'busy' | 'warn' | 'bad';
}

export interface RunNewsFacts {
  /** The run as it was known before; undefined: new. */
  readonly before: RunSummary | undefined;
  readonly now: RunSummary;
  /** The reader's name, as runs have it. */
  readonly reader: string;
  /** The node that the reader looks at; empty: none in particular. */
  readonly node: string;
  /** The reader has this run on the screen. */
  readonly isShown: boolean;
}

/** Null: nothing to say. */
export function runNews({ before, now, reader, node, isShown }: RunNewsFacts): RunNews | null {
  if (isShown || before?.state === now.state) return null;
  const isOwn = now.startedBy === reader;
  const concerns = node === '' || now.nodes.includes(node);
  const nodes = describeRange(now.nodes);
  if (before === undefined) {
    // An old run that first appears here because it changed is reported by its state below.
    if (now.state === 'running' && !isOwn && concerns) {
      return { title: `${now.startedBy} started: ${now.title}`, description: nodes, tone: 'busy' };
    }
    return null;
  }
  if (!isOwn && !concerns) return null;
  switch (now.state) {
    case 'done':
      return { title: `Done: ${now.title}`, description: nodes, tone: 'ok' };
    case 'failed':
      return {
        title: `Failed: ${now.title}`,
        description: `${now.counts.failed} of ${now.counts.total} steps`,
        tone: 'bad',
      };
    case 'asking':
      return isOwn ? { title: `A step asks: ${now.title}`, description: nodes, tone: 'warn' } : null;
    case 'needs-secret':
      return isOwn ? { title: `Needs a password: ${now.title}`, description: nodes, tone: 'warn' } : null;
    case 'cancelled':
      return isOwn ? null : { title: `Cancelled: ${now.title}`, description: nodes, tone: 'warn' };
    case 'undone':
      return isOwn ? null : { title: `Undone: ${now.title}`, description: nodes, tone: 'warn' };
    case 'running':
      return null;
  }
}
