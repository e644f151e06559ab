// What a kind of run shows of a node besides its steps, in the node's one place on the run's page.
import type { ReactElement } from 'react';
import type { Tone } from './run-words.ts';

export interface NodeStory {
  readonly word: string;
  readonly tone: Tone;
  /** Key of the step that it is about. */
  readonly step: string;
  /** It needs somebody: shown without asking. */
  readonly isLoud: boolean;
  readonly body: ReactElement;
}
