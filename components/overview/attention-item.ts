import type { State } from '../ui/StateMark.tsx';

/** One thing that needs the reader. */
export interface Attention {
  readonly key: string;
  readonly state: State;
  /** In words; names stand in `names`. */
  readonly names: string;
  readonly text: string;
  readonly detail: string;
  /** Where to look or act. */
  readonly href: string;
  readonly action: string;
}
