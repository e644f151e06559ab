// What a run of its kind tells of a node beside its steps, in the one place that the node has on the run's page.
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
