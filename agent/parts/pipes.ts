// Named pipes and plumbs: the commands `pipe` and `plumb`, and the pipes that clients of the command socket become.
import { findProgram } from '../../host/programs.ts';
import { startFilter } from '../../host/filter.ts';
import { createPipeHandlers } from '../commands/pipe.ts';
import type { Clock } from '../mesh/clock.ts';
import type { NamespaceContent } from '../namespaces/content.ts';
import { Pipes, type PipesMesh } from '../pipes/pipes.ts';
import { Plumbs } from '../pipes/plumbs.ts';
import { createVia } from '../pipes/via.ts';
import type { Part } from './part.ts';

export interface PipesPart extends Part {
  readonly pipes: Pipes;
  /** What a namespace has here. */
  readonly content: NamespaceContent;
}

export interface PipesPartComponents {
  readonly mesh: PipesMesh;
  readonly clock: Clock;
  readonly log: { readonly info: (text: string) => void; readonly warn: (text: string) => void };
}

export function createPipesPart({ mesh, clock, log }: PipesPartComponents): PipesPart {
  const pipes = new Pipes({ mesh, random: Math.random, log, runVia: createVia({ startFilter, clock }) });
  const plumbs = new Plumbs({ pipes, startFilter, log });
  const isProgram = async (name: string) => (await findProgram(name)) !== null;
  return {
    pipes,
    handlers: createPipeHandlers({ pipes, plumbs, isProgram }),
    kinds: [],
    content: {
      end: async (namespace) => {
        await plumbs.clear(namespace, []);
        for (const { name } of pipes.list(namespace)) pipes.remove(name);
        return [];
      },
    },
    stop: async () => {
      pipes.stop();
      await plumbs.stop();
    },
  };
}
