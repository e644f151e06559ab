// Streams to services of nodes, by the ways that commands take: the node's own command socket where the console has a way to it,
// otherwise through the mesh, from the node that the console is attached to.
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../contract/errors.ts';
import type { Engine, EngineConnection } from '../engines/engine.ts';
import type { StreamCall } from '../ports.ts';
import { isWorthAnotherWay, type CommandWay } from './commands.ts';

/**
 * Opens a stream by the first of these ways that works, the best first.
 * @throws AppError: what keeps the best way from working, or what the node or its service says
 */
export async function openStream(
  ways: readonly CommandWay[],
  { service, args, timeoutMs, signal }: Pick<StreamCall, 'service' | 'args' | 'timeoutMs' | 'signal'>,
  { engine }: { engine: Pick<Engine, 'open'> },
): Promise<Duplex> {
  const deadline = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  let firstError: AppError | null = null;
  for (const { route, sendTo } of ways) {
    let connection: EngineConnection;
    try {
      connection = await engine.open(route, { timeoutMs, signal });
    } catch (error) {
      const failure = error instanceof AppError ? error : new AppError('failed', describeError(error));
      firstError ??= failure;
      if (signal.aborted || !isWorthAnotherWay(failure)) break;
      continue;
    }
    try {
      return await connection.stream({ node: sendTo, service, args }, { deadline });
    } catch (error) {
      connection.close();
      if (signal.aborted) throw new AppError('cancelled', 'cancelled');
      throw error;
    }
  }
  throw firstError ?? new AppError('unreachable', 'there is no way to this node');
}
