// A cluster that stands, with a console on it, for tests of what comes after the wizards: the same plans, run from a shell
// over the console's data folder before it starts.
import { fileURLToPath } from 'node:url';
import { AppError } from '../contract/errors.ts';
import { localRunner } from '../host/runner.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import { nodePassword } from '../lab/node.ts';
import { makeDataFolder, startConsole, type TestConsole } from './console.ts';
import { nodeList } from './journey.ts';

const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

export interface Stage {
  readonly lab: Lab;
  readonly console: TestConsole;
  down(): Promise<void>;
}

/** `nodes` meshed nodes of a lab of this name, node1 the head, context `john`, known to a console without a user. */
export async function setStage(name: string, nodes: number): Promise<Stage> {
  const lab = openLab({ name });
  const data = await makeDataFolder();
  const end = async () => {
    await lab.down();
    await data.remove();
  };
  try {
    await lab.down();
    const failed = (await lab.up({ nodes })).filter(({ error }) => error !== null);
    if (failed.length > 0) throw new AppError('failed', failed.map((node) => node.error ?? '').join('\n'));
    const meshdeck = (...args: string[]) =>
      localRunner.run([process.execPath, cli, '--data', data.path, ...args], {
        timeoutMs: 120_000,
        stdin: `${nodePassword}\n`,
      });
    const list = (await nodeList(lab)).replaceAll('\n', ',');
    await meshdeck('nodes', 'add', list, '--run', '--json', '--accept-new', '--password-stdin');
    await meshdeck('deploy', `node[1-${nodes}]`, '--head', 'node1', '--context', 'john', '--run', '--json');
    const testConsole = await startConsole(data.path);
    return {
      lab,
      console: testConsole,
      async down() {
        await testConsole.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
