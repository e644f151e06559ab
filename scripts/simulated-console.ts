// The console over simulated nodes, until a signal ends it; then the nodes end too.
import { z } from 'zod';
import { parseConfig } from '../server/config.ts';
import type { StreamServices } from '../server/screens/service.ts';
import { serveConsole } from '../server/serve.ts';
import { startSimulatedNodes } from './simulated.ts';

const nodeCount = 4;

/** Pages may open streams to the echo of each node. */
const echoService: StreamServices = { echo: { role: 'viewer', args: z.null() } };

/** `hasEcho`: for work on what streams show. @returns the exit code of the process, once all has ended */
export async function serveSimulated(flags: readonly string[], { hasEcho = false } = {}): Promise<number> {
  const print = (line: string) => {
    console.log(line);
  };
  const nodes = await startSimulatedNodes(nodeCount, print);
  try {
    const sockets = nodes.sockets.flatMap((path) => ['--socket', path]);
    const config = parseConfig(['--simulated', ...sockets, ...flags], process.env);
    const { ended } = await serveConsole(config, print, hasEcho ? { services: echoService } : {});
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
