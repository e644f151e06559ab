// What this meshd says of itself: `args`, `check`, `debug` and `log`.
import { AppError, describeError } from '../../contract/errors.ts';
import { responseEntry } from '../../contract/command-socket.ts';
import { flagTable, type Flags } from '../../core/flags.ts';
import { missingPrograms } from '../../host/programs.ts';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import { createDebugCommands } from '../commands/debug.ts';
import { createLogHandlers } from '../commands/log.ts';
import type { LogBook, LogLevel } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Part } from './part.ts';

export interface DaemonCommandsComponents {
  readonly hypervisor: Pick<Hypervisor, 'facts'>;
  readonly switchHost: Pick<SwitchHost, 'view'>;
  readonly clock: Clock;
  readonly logBook: LogBook;
}

/** What meshd starts on its machine. */
const programs = ['ip', 'nft', 'qemu-img', 'setpriv'];

export function createDaemonCommandsPart(
  { flags, filePath, isOfMachine }: { readonly flags: Flags; readonly filePath: string; readonly isOfMachine: boolean },
  { hypervisor, switchHost, clock, logBook }: DaemonCommandsComponents,
): Part {
  // The level was checked with the flags.
  const initial = { level: flags.level as LogLevel, toStderr: flags.v && flags.verbose };
  const debug = createDebugCommands(filePath, { clock, log: logBook.log });
  /** One line for each thing that is missing here. */
  const issues = async (): Promise<string[]> => {
    // Others on this machine (tests, simulated nodes) start no programs of it.
    const missing = isOfMachine ? await missingPrograms(programs) : [];
    const { databaseFailure, switchFailure } = switchHost.view();
    const failure = databaseFailure || switchFailure;
    const qemu = await hypervisor.facts().then(
      () => [],
      (error: unknown) => [describeError(error)],
    );
    return [
      ...missing.map((name) => `${name} not found: install it on this node`),
      ...(failure === '' ? [] : [`openvswitch does not appear to be running: ${failure}`]),
      ...qemu,
    ];
  };
  return {
    handlers: {
      args: ({ host }) => {
        const { names, values } = flagTable({ ...flags, filepath: filePath });
        return Promise.resolve([responseEntry(host, { Header: [...names], Tabular: [[...values]] })]);
      },
      check: async ({ host }) => {
        const found = await issues();
        if (found.length > 0) throw new AppError('failed', found.join('\n'));
        return [responseEntry(host)];
      },
      ...createLogHandlers({ filePath, ...initial }, logBook),
      ...debug.handlers,
    },
    kinds: [],
    stop: () => {
      debug.stop();
      logBook.appendTo(null);
    },
  };
}
