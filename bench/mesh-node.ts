// One member of the mesh as a process, for the join bench: meshd's own mesh over TLS, without the daemon around it, so that
// all can be asked to join at the same moment, like serf's agents. Lines on standard input and output:
//   out: ready                    it is loaded
//   in:  listen  out: listening   it answers others, and dials nobody: its degree is 0
//   in:  join                     it takes its degree
//   out: members <id> <id> …      whom it counts as members, after each change
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadIdentity } from '../agent/identity/identity.ts';
import { RosterStore } from '../agent/identity/roster-store.ts';
import { createSystemClock } from '../agent/mesh/clock.ts';
import { Mesh } from '../agent/mesh/mesh.ts';
import { TlsTransport } from '../agent/mesh/tls-transport.ts';

const [folder = '', port = '', degree = ''] = process.argv.slice(2);
const identity = await loadIdentity(folder, new Date());
const roster = await RosterStore.open({ path: join(folder, 'roster.json'), caPem: identity.caPem });
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: (text: string) => process.stderr.write(`${text}\n`) };
const mesh = new Mesh(
  { nodeId: identity.nodeId, degree: 0, checkMs: 10_000 },
  {
    transport: new TlsTransport({ identity, host: '127.0.0.1', port: Number(port) }, { log }),
    clock: createSystemClock(),
    random: Math.random,
    roster,
    log,
  },
);
const say = (line: string) => process.stdout.write(`${line}\n`);
mesh.on('change', () => say(`members ${mesh.memberIds().join(' ')}`));
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'listen') void mesh.start().then(() => say('listening'));
    if (line === 'join') mesh.setDegree(Number(degree));
  })
  .on('close', () => process.exit(0));
// An orderly end writes the compile cache, which the next run of this program starts with as meshd does with its own.
process.on('SIGTERM', () => process.exit(0));
say('ready');
