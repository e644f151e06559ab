// Streams to services of nodes: over the node's own command socket where the console has a way to it, otherwise through the mesh,
// from the node that it is attached to.
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../../contract/errors.ts';
import { streamDuplex } from '../../../host/command-socket.ts';
import { describeRoute, type NodeRoute } from './route.ts';
import type { SocketOpener } from './sockets.ts';

/** A way to a node, as commands take it. */
export interface StreamWay {
  readonly route: NodeRoute;
  /** Name of the node to reach through the mesh from there; empty when the route leads to the node itself. */
  readonly sendTo: string;
}

export interface StreamOpening {
  readonly service: string;
  /** For the service; JSON. */
  readonly args: unknown;
  /** From nothing until the service took the stream. */
  readonly timeoutMs: number;
  /** Gives up the opening; the stream that came of it is ended by destroying it. */
  readonly signal: AbortSignal;
}

/**
 * Opens a stream over the first of these ways that works, the best first.
 * @throws AppError: what keeps the best way from working, or what the node or its service says
 */
export async function openNodeStream(
  ways: readonly StreamWay[],
  opening: StreamOpening,
  { opener }: { opener: Pick<SocketOpener, 'open'> },
): Promise<Duplex> {
  const { signal, timeoutMs } = opening;
  const deadline = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  let firstError: AppError | null = null;
  for (const { route, sendTo } of ways) {
    let opened;
    try {
      opened = await opener.open(route, { timeoutMs, signal });
    } catch (error) {
      const failure = error instanceof AppError ? error : new AppError('failed', describeError(error));
      firstError ??= failure;
      // A changed host key stops everything for that node, another way to it included.
      if (failure.code === 'host-key-changed' || failure.code === 'host-key-unknown' || signal.aborted) break;
      continue;
    }
    const { client, hello } = opened;
    try {
      if (!hello.Features.includes('Stream')) {
        throw new AppError(
          'refused',
          `${describeRoute(route)} runs a meshd that is too old for streams: upgrade it (deploy)`,
        );
      }
      const request = { Node: sendTo, Service: opening.service, Args: opening.args };
      return streamDuplex(await client.stream(request, { deadline }));
    } catch (error) {
      client.close();
      if (signal.aborted) throw new AppError('cancelled', 'cancelled');
      throw error;
    }
  }
  throw firstError ?? new AppError('unreachable', 'there is no way to this node');
}
