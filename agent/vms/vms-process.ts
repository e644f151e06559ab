// For real-vms.int.test.ts: a process that has the VMs of a folder, over real QEMUs and a switch in memory. It launches VMs of these names, says so, and
// waits for its end.
//   node agent/vms/vms-process.ts <folder> <name> <name> …
import { createRealVms } from './real-vms.ts';
import { launchOf, never, plan } from './simulated-vms.ts';

const [folder = '', ...names] = process.argv.slice(2);
const vms = await createRealVms(folder);
await vms.start();
const config = { memory: 32, qemuAppend: ['-bios', `${folder}/idle`] };
const disks = [{ path: `${folder}/files/data.raw`, interface: null, cache: null }];
const launched = await vms.launch(launchOf(names.map((name) => plan(name, { ...config, disks }))), { signal: never });
const ids = launched.flatMap(({ vm }) => vm?.id ?? []);
const started = await vms.act(ids.slice(1), { action: 'start' }, { signal: never, target: 'named' });
process.stdout.write(`${JSON.stringify([...launched, ...started].map(({ error }) => error))}\n`);
setInterval(() => undefined, 60_000);
