'use client';
// A picture of a VM's screen, taken when the page opens and when somebody asks, and the ways to its consoles.
import { RotateCw } from 'lucide-react';
import type { ReactElement } from 'react';
import { outcomeOf } from '../../core/vms/states.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { ConsoleLinks } from './ConsoleLinks.tsx';
import { useAsked } from './use-asked.ts';
import type { VmLine } from './vm-line.ts';
import { pictureQuestion, readPicture } from './vm-questions.ts';
import { stateWord } from './vm-states.ts';

/** Twice the width of the panel, for screens with small pixels. */
const maxSide = 800;

export function VmScreenPanel({ line }: { line: VmLine }): ReactElement {
  const attached = useCluster()?.AttachedTo ?? '';
  const { vm, node } = line;
  const hasScreen = outcomeOf('screenshot', vm.State).is === 'works';
  const { entries, error, isAsking, ask } = useAsked(
    node,
    hasScreen ? pictureQuestion(line, attached, maxSide) : '',
    vm.State,
  );
  const picture = entries === null ? null : readPicture(entries);
  return (
    <Panel
      title="Screen"
      actions={
        <IconButton
          label="Take the picture again"
          icon={isAsking ? <Spinner /> : <RotateCw />}
          disabledReason={hasScreen ? '' : `${vm.Name} is ${stateWord(vm.State)}.`}
          onClick={ask}
        />
      }
    >
      <div className="flex flex-col gap-3">
        {picture === null || !hasScreen ? (
          <p className="grid aspect-video place-items-center rounded-md border bg-surface-2 px-4 text-center text-fg-3">
            {!hasScreen
              ? `No picture: it is ${stateWord(vm.State)}.`
              : error !== ''
                ? error
                : 'A picture is being taken.'}
          </p>
        ) : (
          <img src={picture} alt={`Screen of ${vm.Name}`} className="w-full rounded-md border bg-surface-2" />
        )}
        <div className="flex flex-wrap gap-2">
          <ConsoleLinks line={line} />
        </div>
      </div>
    </Panel>
  );
}
