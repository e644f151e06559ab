'use client';
// What became of each VM that an action was for, while it runs and afterwards.
import { X } from 'lucide-react';
import type { ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { StateShape, type State } from '../ui/StateMark.tsx';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { commandText } from './command-text.ts';
import type { VmActing, VmRun } from './use-vm-actions.ts';
import { verbLooks } from './verbs.tsx';
import type { VmLine } from './vm-line.ts';
import { countOutcomes, type OutcomeCounts, type VmOutcome } from './vm-outcomes.ts';

const shownProblems = 100;

export function VmRunResult({ acting }: { acting: VmActing }): ReactElement | null {
  const asCommand = useShellCommand();
  const { run } = acting;
  if (run === null) return null;
  const counts = countOutcomes(run.outcomes.values());
  const problems = problemsOf(run);
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-2">
        {run.isRunning ? <Spinner className="text-busy" /> : <StateShape state={toneOf(counts)} />}
        <p className="min-w-0 flex-1" role="status">
          {describeRun(run, counts)}
        </p>
        {!run.isRunning && counts.failed + counts.unclear > 0 ? (
          <Button
            size="sm"
            onClick={() =>
              acting.start(
                run.wish,
                problems.map(({ line }) => line),
              )
            }
          >
            Retry {countOf(counts.failed + counts.unclear, 'VM')}
          </Button>
        ) : null}
        <IconButton label="Put the result away" icon={<X />} onClick={acting.putAway} />
      </div>
      {problems.length === 0 ? null : (
        <ul className="max-h-40 scroller" tabIndex={0} aria-label="VMs that went wrong">
          {problems.slice(0, shownProblems).map(({ line, outcome }) => (
            <li key={line.key} className="flex items-baseline gap-2 py-0.5 text-sm">
              <StateShape state={outcome.is === 'failed' ? 'bad' : 'warn'} className="translate-y-px" />
              <span className="shrink-0 font-mono">{line.vm.Name}</span>
              <span className="shrink-0 text-fg-3">{line.node}</span>
              <span className="min-w-0 break-words whitespace-pre-wrap">{outcome.text}</span>
            </li>
          ))}
          {problems.length > shownProblems ? (
            <li className="py-0.5 text-sm text-fg-3">and {problems.length - shownProblems} more</li>
          ) : null}
        </ul>
      )}
      <details className="text-sm">
        <summary className="cursor-pointer text-fg-3">
          As {run.commands.length === 1 ? 'a command' : 'commands'}
        </summary>
        <div className="mt-1 max-h-40 scroller" tabIndex={0} role="region" aria-label="Commands">
          <CommandLine command={commandText(run.commands, asCommand)} />
        </div>
      </details>
    </div>
  );
}

function problemsOf({ vms, outcomes }: VmRun): { line: VmLine; outcome: VmOutcome }[] {
  return vms.flatMap((line) => {
    const outcome = outcomes.get(line.key);
    return outcome?.is === 'failed' || outcome?.is === 'unclear' ? [{ line, outcome }] : [];
  });
}

function toneOf({ failed, unclear }: OutcomeCounts): State {
  return failed > 0 ? 'bad' : unclear > 0 ? 'warn' : 'ok';
}

/** `Starting 12 VMs: 8 done, 1 failed`, `11 started, 1 failed`, `web1 started`. */
export function describeRun({ wish, vms, isRunning }: VmRun, counts: OutcomeCounts): string {
  const { doing, done } = verbLooks[wish.verb];
  const { done: well, failed, unclear } = counts;
  const bad = [failed === 0 ? '' : `${failed} failed`, unclear === 0 ? '' : `${unclear} unclear: look at their states`];
  const name = vms.length === 1 ? (vms[0]?.vm.Name ?? '') : '';
  if (isRunning) {
    const so = [well === 0 ? '' : `${well} done`, ...bad].filter((part) => part !== '').join(', ');
    return `${doing} ${name === '' ? countOf(vms.length, 'VM') : name}${so === '' ? '' : `: ${so}`}`;
  }
  if (name !== '') return well === 1 ? `${name} ${done}` : `${name} not ${done}`;
  return [well === 0 ? '' : `${countOf(well, 'VM')} ${done}`, ...bad].filter((part) => part !== '').join(', ');
}
