// The console over simulated nodes, until a signal ends it; then the nodes end too.
import { z } from 'zod';
import { parseConfig } from '../server/config.ts';
import { localRoute } from '../server/engines/meshd/route.ts';
import { MeshdSockets } from '../server/engines/meshd/sockets.ts';
import { openNodeStream } from '../server/engines/meshd/streams.ts';
import { serveConsole } from '../server/serve.ts';
import type { ConsoleStreams } from '../server/start.ts';
import { startSimulatedNodes } from './simulated.ts';

const nodeCount = 4;

/** Pages may open streams to the echo of each node, through any of them. */
function echoStreams(socketPaths: readonly string[]): ConsoleStreams {
  // No SSH leads to simulated nodes, so no key is asked for.
  const opener = new MeshdSockets({ version: '0.1.0' }, { keys: { get: () => Promise.resolve(null) } });
  return {
    services: { echo: { role: 'viewer', args: z.null() } },
    open: ({ node, ...opening }) => {
      const ways = socketPaths.map((path) => ({ route: localRoute(path), sendTo: node }));
      return openNodeStream(ways, opening, { opener });
    },
  };
}

/** `hasEcho`: for work on what streams show. @returns the exit code of the process, once all has ended */
export async function serveSimulated(flags: readonly string[], { hasEcho = false } = {}): Promise<number> {
  const print = (line: string) => {
    console.log(line);
  };
  const nodes = await startSimulatedNodes(nodeCount, print);
  try {
    const sockets = nodes.sockets.flatMap((path) => ['--socket', path]);
    const config = parseConfig(['--simulated', ...sockets, ...flags], process.env);
    const { ended } = await serveConsole(config, print, hasEcho ? { streams: echoStreams(nodes.sockets) } : {});
    print(`
Simulated nodes: real meshds on this machine, over hosts that do not exist.
${nodes
  .nodes()
  .map(({ name, pid }) => `  ${name}  process ${pid}`)
  .join('\n')}
Switch one off and look:  kill -9 <its process>     (it boots again on its own)
Ctrl-C ends all of it.`);
    return await ended;
  } finally {
    await nodes.stop();
  }
}
