// `npm run demo`: the main job, shown. Four bare nodes, made one cluster by the wizards' own plans, and the console over it
// until Ctrl-C. It asks nothing and reads nothing from the terminal, so it runs in CI too.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError, describeError } from '../contract/errors.ts';
import { openLab } from '../lab/lab.ts';
import { defaultBase, labPaths } from '../lab/layout.ts';
import { nodePassword } from '../lab/node.ts';
import { observeMissing } from '../lab/requirements.ts';
import { parseConfig } from '../server/config.ts';
import { serveConsole } from '../server/serve.ts';
import { holdDataFolder } from '../server/store/data-folder.ts';
import { bootLab, makeCluster, type BareNode } from './demo-lab.ts';
import { launchDemoVms } from './demo-vms.ts';
import { serveSimulated } from './simulated-console.ts';
import { isFree } from './simulated.ts';

const usage = `usage: npm run demo -- [options]
  --bare                 leave the nodes bare: go through the wizards yourself
  --simulated            simulated nodes in place of a lab; the default on machines that cannot host a lab
  --name <lab>           name of its lab (default demo)
  --listen <host:port>   of the console (default 127.0.0.1:3000, or another port when that one is taken)`;
const nodeCount = 4;
/** Checked first, since all the work would be wasted if it was taken: then the demo uses any other. */
const usualPort = 3_000;

interface Options {
  readonly bare: boolean;
  readonly simulated: boolean;
  readonly name: string;
  readonly listen: string;
}

const startedAt = performance.now();
const say = (text: string) => {
  console.log(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${text}`);
};

async function main(): Promise<number> {
  const options = readFlags();
  if (options === null) return 0;
  const listen = options.listen === '' ? `127.0.0.1:${(await isFree(usualPort)) ? usualPort : 0}` : options.listen;
  const missing = await observeMissing();
  if (options.bare && missing.length > 0) {
    throw new AppError('refused', `bare nodes need a lab, and this machine cannot host one: ${missing.join('; ')}`);
  }
  if (!options.simulated && missing.length === 0) return showLab(options, listen);
  if (!options.simulated) console.log(`No lab of real nodes here: ${missing.join('; ')}.\n`);
  return showSimulated(listen);
}

async function showLab(options: Options, listen: string): Promise<number> {
  const lab = openLab({ name: options.name, progress: say });
  // In the lab's own folder: `lab down` takes all of the demo away.
  const dataPath = join(labPaths(defaultBase, options.name).folder, 'console');
  const config = parseConfig(['--data', dataPath, '--listen', listen, '--level', 'warn'], {});
  await assertNoOther(dataPath);
  if (existsSync(dataPath)) say(`the lab ${options.name} of an earlier start is replaced, its console's data too`);
  say(`a lab of ${nodeCount} bare nodes`);
  const nodes = await bootLab(lab, nodeCount);
  // As serveConsole does: the lab's files are its nodes', all that follows is the console's.
  process.umask(0o077);
  if (!options.bare) await makeCluster(nodes, { dataPath, say });
  say('the console');
  const { ended, url } = await serveConsole(config, (line) => console.log(line));
  console.log(describeRest(options, nodes, { dataPath, url }));
  if (options.bare) return ended;
  const ending = new AbortController();
  const names = nodes.map(({ name }) => name);
  const launching = launchDemoVms(lab, { nodes: names, say, signal: ending.signal }).catch((error: unknown) => {
    if (!ending.signal.aborted) say(`the VMs of the demo: ${describeError(error)}`);
  });
  try {
    return await ended;
  } finally {
    ending.abort();
    await launching;
  }
}

async function showSimulated(listen: string): Promise<number> {
  const dataPath = await mkdtemp(join(tmpdir(), 'meshdeck-demo-'));
  try {
    return await serveSimulated(['--data', dataPath, '--listen', listen, '--level', 'warn']);
  } finally {
    await rm(dataPath, { recursive: true, force: true });
  }
}

function readFlags(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        bare: { type: 'boolean', default: false },
        simulated: { type: 'boolean', default: false },
        name: { type: 'string', default: 'demo' },
        listen: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    });
    if (!values.help) return values;
    console.log(usage);
    return null;
  } catch (cause) {
    throw new AppError('invalid', `${describeError(cause)}\n${usage}`, { cause });
  }
}

/** Taking a lab down under a running demo would leave its console without nodes and without its data. */
async function assertNoOther(dataPath: string): Promise<void> {
  if (!existsSync(dataPath)) return;
  const release = await holdDataFolder(dataPath, 'the demo');
  await release();
}

function describeRest(
  { bare, name }: Options,
  nodes: readonly BareNode[],
  { dataPath, url }: { dataPath: string; url: string },
): string {
  const flags = name === 'lab' ? '' : ` --name ${name}`;
  const bareText = `
Then Add nodes, and type or paste:
  ${nodes.map((node) => `${node.name}=${node.address}`).join(',')}
First contact as root, password ${nodePassword}. Compare the fingerprints with those read in the machines:
${nodes.flatMap((node) => node.fingerprints.map((each) => `  ${node.name}  ${each}`)).join('\n')}
When that run is done, its page has two buttons, for either order: Bridge (eth0 of all of them; the plan finds it),
and Deploy (head node1, nodes node[1-${nodes.length}], degree 3).
`;
  const bridgesText = `
The bridges are still being made, about a minute for a node. Then eight small VMs are launched over the four nodes, on two VLANs.
Wait for the line that says so before you switch nodes off.
`;
  return `${bare ? bareText : bridgesText}
The nodes share this machine: load, memory and uptime are the machine's, shown once for each node.

Switch a node off and look:     npm run lab -- fault power node3 off${flags}
and on again:                   npm run lab -- fault power node3 on${flags}
A shell on a node, as root:     npm run lab -- ssh${flags} node1
${
  bare
    ? ''
    : `The cluster's own commands:     npm run lab -- exec${flags} node1 -- /opt/meshd/bin/meshd -e mesh status
Its VMs, once they are there:   npm run lab -- exec${flags} node1 -- /opt/meshd/bin/meshd -e namespace demo vm info summary\n`
}meshdeck for this console:      make a token (Settings, Account), then MESHDECK_TOKEN=… scripts/meshdeck --console ${url} runs

Ctrl-C stops the console. The lab stays up then:
to start the console again:     npm start -- --data ${dataPath}
to take all of it down:         npm run lab -- down${flags}`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(
      `demo: ${error instanceof AppError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    process.exit(1);
  },
);
