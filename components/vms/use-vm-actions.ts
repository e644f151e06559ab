'use client';
// Acting on VMs: the lines for it, one run at a time, and what became of each VM.
import { useEffect, useRef, useState } from 'react';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { AppError } from '../../contract/errors.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useConsole } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { runVmCommands } from './run-commands.ts';
import { vmCommands, type VmCommand, type VmWish } from './vm-commands.ts';
import type { VmLine } from './vm-line.ts';
import type { VmOutcome } from './vm-outcomes.ts';
import type { VmSource } from './vm-source.ts';

export interface VmRun {
  readonly wish: VmWish;
  readonly vms: readonly VmLine[];
  readonly commands: readonly VmCommand[];
  /** By key; one for each VM. */
  readonly outcomes: ReadonlyMap<string, VmOutcome>;
  readonly isRunning: boolean;
}

export interface VmActing {
  /** The last one; null: none, or put away. */
  readonly run: VmRun | null;
  /** Does nothing while one runs. */
  readonly start: (wish: VmWish, vms: readonly VmLine[]) => void;
  readonly putAway: () => void;
  /** Lines as typed on `attached`. */
  readonly commandsFor: (wish: VmWish, vms: readonly VmLine[]) => readonly VmCommand[];
  /** Name of the node that the console is attached to. */
  readonly attached: string;
}

const underWay: VmOutcome = { is: 'running', text: '' };

export function useVmActions(source: VmSource | null): VmActing {
  const console = useConsole();
  const cluster = useCluster();
  const [run, setRun] = useState<VmRun | null>(null);
  const isMounted = useRef(true);
  useEffect(() => {
    isMounted.current = true;
    return () => void (isMounted.current = false);
  }, []);
  const attached = cluster?.AttachedTo ?? '';

  const commandsFor = (wish: VmWish, vms: readonly VmLine[]): VmCommand[] => {
    const view = console?.fleet.state.get().view;
    const rows = view === undefined ? [] : [...rowsOf(view, fleetKeys.namespaces).values()];
    const own = rows.filter((row) => row.Cluster === cluster?.Id);
    const namespaces = new Map(own.map((row) => [row.Name, row]));
    return vmCommands(wish, vms, { attached, namespaces, all: source?.all() ?? vms });
  };

  const start = (wish: VmWish, vms: readonly VmLine[]): void => {
    if (run?.isRunning === true || vms.length === 0) return;
    const commands = commandsFor(wish, vms);
    const runLine = async ({ line, timeoutMs }: VmCommand): Promise<readonly ResponseEntry[]> => {
      if (!console || !cluster)
        throw new AppError('unreachable', 'no connection to the console yet: try again in a moment');
      const entries: ResponseEntry[] = [];
      await console.commands.run({ cluster: cluster.Id, node: attached }, line, {
        timeoutMs,
        onAnswer: ({ Resp: part }) => void entries.push(...(part ?? [])),
      });
      return entries;
    };
    setRun({ wish, vms, commands, outcomes: new Map(vms.map(({ key }) => [key, underWay])), isRunning: true });
    const change = (next: (now: VmRun) => VmRun): void => {
      // The action continues when its page is left; nobody looks at it then.
      if (isMounted.current) setRun((now) => (now?.commands === commands ? next(now) : now));
    };
    void runVmCommands(commands, {
      runLine,
      onOutcomes: (known) => change((now) => ({ ...now, outcomes: new Map([...now.outcomes, ...known]) })),
    }).then(() => change((now) => ({ ...now, isRunning: false })));
  };

  return { run, start, putAway: () => setRun(null), commandsFor, attached };
}
