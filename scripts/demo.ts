// The main job, shown: a lab of four real nodes, made ready as the guide's reader does it, deployed and meshed.
import { performance } from 'node:perf_hooks';
import { describeError } from '../contract/errors.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from '../lab/cluster.ts';
import { openLab } from '../lab/lab.ts';

const head = 'node1';
const others = ['node2', 'node3', 'node4'];
const startedAt = performance.now();
const say = (text: string) => {
  console.log(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${text}`);
};
const type = async (words: readonly string[]) => {
  console.log(`\n${head}# meshd -e ${words.join(' ')}`);
  const { stdout } = await runMeshd(lab, head, words, { timeoutMs: 120_000 });
  console.log(stdout.trimEnd());
};

const lab = openLab({ name: 'demo', progress: say });
try {
  // A demo starts from nothing each time: what the last one left would hide what this one does.
  await lab.down();
  const results = await lab.up({ nodes: 1 + others.length });
  const broken = results.filter(({ error }) => error !== null);
  if (broken.length > 0) throw new Error(broken.map(({ name, error }) => `${name}: ${error ?? ''}`).join('\n'));
  say('root keys and host keys in place, as the guide asks for');
  await placeRootKeys(lab, head, others);
  await installTree(lab, head);
  await startMeshd(lab, head, ['-degree', '3', '-context', 'demo', '-nostdin']);
  say(`meshd runs on ${head}`);
  await type(['deploy', 'launch', 'node[2-4]']);
  await type(['mesh', 'status']);
  await type(['mesh', 'list']);
  console.log(`
The lab stays up. Go on with:
  npm run lab -- ssh --name demo ${head}          password: lab; then /opt/meshd/bin/meshd -attach
  npm run lab -- fault power node3 off --name demo
  npm run lab -- down --name demo`);
} catch (error) {
  console.error(`demo: ${describeError(error)}`);
  console.error('The lab stays up for a look; `npm run lab -- down --name demo` removes it.');
  process.exitCode = 1;
}
