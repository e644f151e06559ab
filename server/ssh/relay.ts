// The command socket of a node over SSH: `meshd -relay` on its standard input and output, as a transport of CommandClient.
import { PassThrough } from 'node:stream';
import { CommandClient } from '../../contract/command-client.ts';
import type { CommandTransport } from '../../contract/command-client.ts';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { installedTree } from '../../core/deploy/tree.ts';
import type { RootShell } from './login.ts';

/** Longest life of one relay: a deploy of many nodes over a slow line. */
const relayTimeoutMs = 3_600_000;

/** Opens it. Closing the client ends the relay. */
export function openRelay(shell: RootShell): CommandClient {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const abort = new AbortController();
  // The runner keeps the bytes as text, up to a bound that does not matter here: this reads what matters as it arrives.
  shell
    .run([`${installedTree}/bin/meshd`, '-relay'], {
      stdin,
      timeoutMs: relayTimeoutMs,
      signal: abort.signal,
      maxBytes: 65_536,
      onOutput: (text, stream) => {
        if (stream === 'stdout') stdout.write(text);
      },
    })
    .then(
      () => stdout.end(),
      (error: unknown) => {
        if (abort.signal.aborted) stdout.end();
        else stdout.destroy(error instanceof Error ? error : new Error(describeError(error)));
      },
    );
  const transport: CommandTransport = {
    write: (text) =>
      new Promise((resolve, reject) => {
        stdin.write(text, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    bytes: stdout,
    close: () => {
      abort.abort();
      stdin.destroy();
      stdout.end();
    },
  };
  return new CommandClient({ canCancel: true }, { transport });
}

/**
 * Runs one line and returns its entries. `onStatus` receives status lines. An abort with an AppError `cancelled` cancels the
 * command there; any other abort leaves it running, so that another caller can join it.
 * @throws AppError `unreachable` when the daemon does not answer; entries with errors are given, not thrown
 */
export async function runOverRelay(
  shell: RootShell,
  line: string,
  options: { signal: AbortSignal; onStatus?: (text: string) => void },
): Promise<ResponseEntry[]> {
  const client = openRelay(shell);
  const cancel = new AbortController();
  const onAbort = () => {
    const reason: unknown = options.signal.reason;
    if (reason instanceof AppError && reason.code === 'cancelled') cancel.abort(reason);
    else client.close();
  };
  options.signal.addEventListener('abort', onAbort, { once: true });
  try {
    options.signal.throwIfAborted();
    const entries: ResponseEntry[] = [];
    const { onStatus } = options;
    for await (const answer of client.command(line, { signal: cancel.signal, ...(onStatus ? { onStatus } : {}) })) {
      entries.push(...(answer.Resp ?? []));
    }
    return entries;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unreachable', `meshd on ${shell.connection.where} does not answer: ${describeError(error)}`, {
      cause: error,
    });
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    client.close();
  }
}
