// Lines that steps run on nodes of a cluster, through the fleet: it knows the ways there, and authorises each line.
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import type { Caller, CommandCall, Fleet } from '../../ports.ts';

export interface ClusterLine extends Pick<CommandCall, 'cluster' | 'node' | 'line' | 'timeoutMs' | 'signal'> {
  readonly caller: Caller;
  readonly onStatus: (text: string) => void;
}

export interface ClusterCommands {
  /**
   * What the nodes answered, errors of theirs included. An abort cancels the command on its node.
   * @throws AppError `timeout` or `unreachable` when its end was not seen
   */
  run(line: ClusterLine): Promise<readonly ResponseEntry[]>;
}

export function clusterCommands(fleet: Pick<Fleet, 'runCommand'>): ClusterCommands {
  return {
    run: async ({ onStatus, ...line }) => {
      const entries: ResponseEntry[] = [];
      await fleet.runCommand({
        ...line,
        session: '',
        onAnswer: ({ Resp, Rendered, Status }) => {
          if (Status) onStatus(Rendered);
          else entries.push(...(Resp ?? []));
        },
      });
      return entries;
    },
  };
}
