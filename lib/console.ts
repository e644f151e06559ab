// All that a page shares over one connection: the client and the collections on it. Built once per page load.
import { io } from 'socket.io-client';
import { ConsoleClient } from './client.ts';
import { CommandLine } from './command-line.ts';
import { FleetCollection } from './fleet.ts';
import { KnownNodesCollection } from './known-nodes.ts';
import { RunsCollection } from './runs.ts';

export interface Console {
  readonly client: ConsoleClient;
  readonly fleet: FleetCollection;
  readonly knownNodes: KnownNodesCollection;
  readonly runs: RunsCollection;
  readonly commands: CommandLine;
}

export function createConsole(client: ConsoleClient, now: () => number): Console {
  return {
    client,
    fleet: new FleetCollection({ client, now }),
    knownNodes: new KnownNodesCollection({ client }),
    runs: new RunsCollection({ client }),
    commands: new CommandLine({ client }),
  };
}

/** Connects to the server that this page came from; the session's cookie goes along by itself. */
export function connectConsole(): Console {
  const socket = io({
    // A page that outlived an upgrade of the console is told to load again (server/hub).
    auth: { version: process.env['MESHDECK_VERSION'] },
    // WebSocket first: polling would double each message's way for nothing on a network of one's own.
    transports: ['websocket', 'polling'],
    reconnectionDelay: 250,
    reconnectionDelayMax: 5_000,
  });
  const now = () => Date.now();
  return createConsole(new ConsoleClient({ socket, now }), now);
}
