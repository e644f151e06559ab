// A look at the minimega of one machine, over a login that is there: its command socket, through sshd.
import type { Duplex } from 'node:stream';
import { CommandClient } from '../../../contract/command-client.ts';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import type { MinimegaSighting } from '../../../core/plans/minimega/attach.ts';
import { duplexTransport } from '../../../host/command-socket.ts';
import type { RootShell } from '../../ssh/login.ts';

const connectMs = 10_000;
const askMs = 15_000;

/** @throws AppError: no socket there, no answer in time, or an answer that is not minimega's */
export async function lookAtMinimega(
  shell: Pick<RootShell, 'connection'>,
  base: string,
): Promise<Omit<MinimegaSighting, 'target' | 'error'>> {
  const channel = await openSocket(shell, `${base}/minimega`);
  const client = new CommandClient({ canCancel: false }, { transport: duplexTransport(channel) });
  try {
    const ask = async (line: string): Promise<ResponseEntry | undefined> => {
      let first: ResponseEntry | undefined;
      const deadline = AbortSignal.timeout(askMs);
      for await (const { Resp } of client.command(`.record false ${line}`, { deadline })) first ??= Resp?.[0];
      return first;
    };
    const status = await ask('mesh status');
    const at = status?.Header?.indexOf('context') ?? -1;
    const members = (await ask('mesh list all'))?.Data;
    const limit = (await ask('mesh timeout'))?.Response.trim() ?? '';
    return {
      name: status?.Host ?? '',
      context: status?.Tabular?.[0]?.[at] ?? '',
      version: (await ask('version'))?.Response.split(' ').slice(0, 2).join(' ') ?? '',
      members: Array.isArray(members) ? members.map(String) : [],
      timeoutSeconds: limit === 'unlimited' ? 0 : Number.parseInt(limit, 10) || 0,
    };
  } finally {
    client.close();
  }
}

async function openSocket({ connection }: Pick<RootShell, 'connection'>, path: string): Promise<Duplex> {
  try {
    const channel = await connection.openUnixSocket(path, connectMs);
    channel.on('error', () => undefined);
    return channel;
  } catch (error) {
    throw new AppError(
      'unreachable',
      `${connection.where} has no minimega at ${path}: start it or name its -base; the user who logs in must be allowed to use the socket, and sshd to ` +
        `forward it (AllowStreamLocalForwarding)`,
      { cause: error },
    );
  }
}
