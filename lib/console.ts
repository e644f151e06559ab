// All that a page shares over one connection: the client and the collections on it. Built once per page load.
import { io } from 'socket.io-client';
import { AppError, type ErrorCode } from '../contract/errors.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { ConsoleClient } from './client.ts';
import { CommandLine } from './command-line.ts';
import { FleetCollection } from './fleet.ts';
import { createKnownNodes, type KnownNodesCollection } from './known-nodes-collection.ts';
import { ProbesCollection } from './probes.ts';
import { RunsCollection } from './runs.ts';

export interface Console {
  readonly client: ConsoleClient;
  readonly fleet: FleetCollection;
  readonly knownNodes: KnownNodesCollection;
  readonly runs: RunsCollection;
  readonly commands: CommandLine;
  readonly probes: ProbesCollection;
}

export function createConsole(client: ConsoleClient, now: () => number): Console {
  const commands = new CommandLine({ client });
  return {
    client,
    fleet: new FleetCollection({ client, now }),
    knownNodes: createKnownNodes(client),
    runs: new RunsCollection({ client }),
    commands,
    probes: new ProbesCollection({ commands, now, storage: () => window.sessionStorage }),
  };
}

/** Connects to the server that this page came from; the browser sends the session's cookie along. */
export function connectConsole(): Console {
  const socket = io({
    // The server asks a page that outlived an upgrade of the console to load again (server/hub).
    auth: { version: process.env['MESHDECK_VERSION'] },
    // The only one that the server takes: polling would double each message's way for nothing on a network of one's own.
    transports: ['websocket'],
    reconnectionDelay: 250,
    reconnectionDelayMax: 5_000,
  });
  const now = () => Date.now();
  return createConsole(new ConsoleClient({ socket, now, explain }), now);
}

/** Asks by plain HTTP why no WebSocket connects. */
async function explain(): Promise<AppError | null> {
  try {
    const response = await fetch(httpPaths.socketCheck, { method: 'POST' });
    if (response.ok) {
      const text = 'The console answers, but no WebSocket connects: does a reverse proxy drop the Upgrade header?';
      return new AppError('unreachable', text);
    }
    // Of the console, or of a proxy before it.
    const { code, message } = (await response.json()) as { code: ErrorCode; message: string };
    return new AppError(code, message);
  } catch {
    return null;
  }
}
