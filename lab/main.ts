// The lab's command line: npm run lab -- up --nodes 10. Exit codes: 0 done, 1 failed, 2 wrong usage; `exec` and `ssh` give
// the program's own.
import { Command, InvalidArgumentError, Option } from 'commander';
import { AppError, describeError } from '../contract/errors.ts';
import { parseRange } from '../core/ranges/parse-range.ts';
import { runOnTerminal } from '../host/detached.ts';
import { CommandError } from '../host/runner.ts';
import { ensureGuest } from './guest.ts';
import { ensureImage } from './image.ts';
import { openLab, type Lab } from './lab.ts';
import { defaultBase, defaultCache } from './layout.ts';
import { nodePassword, sudoUser } from './node.ts';
import { parseVlans, type DhcpMode, type Login } from './plan.ts';
import { nodeOwners, type NodeOwner } from './recipe.ts';
import { describeStatus } from './status-text.ts';
import type { TrunkFaults } from './trunk-faults.ts';

interface CommonOptions {
  name: string;
}

function parseCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('a number of nodes, such as 10');
  return Number(text);
}

function parseNodes(text: string): string[] {
  const result = parseRange(text);
  if (!result.ok) throw new InvalidArgumentError(result.message);
  if (result.names.length === 0) throw new InvalidArgumentError('a node range, such as node[1-3]');
  return result.names;
}

function parseDropped(text: string): number[] {
  const vlans = text === 'none' ? [] : parseVlans(text);
  if (vlans === null) throw new InvalidArgumentError('VLANs from 0 (untagged) to 4094, such as 120,130-140, or none');
  return vlans;
}

function parseTagged(text: string): number[] {
  const vlans = parseDropped(text);
  if (vlans.includes(0)) throw new InvalidArgumentError('VLANs from 1 to 4094: untagged frames can only be dropped');
  return vlans;
}

/** VLANs that end up on another one: `120:130,121:131`. */
function parseMoves(text: string): { from: number; to: number }[] {
  return text === 'none'
    ? []
    : text.split(',').map((part) => {
        const [from, to] = part.split(':').map((side) => parseVlans(side)?.[0] ?? 0);
        if (!from || !to) throw new InvalidArgumentError('VLANs in pairs, such as 120:130, or none');
        return { from, to };
      });
}

function oneOf<T extends string>(...values: T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new InvalidArgumentError(`one of ${values.join(', ')}`);
    return found;
  };
}

const program = new Command('lab')
  .description('N real Linux nodes on one machine, for tests and demos (docs/lab.md)')
  .option('--base <folder>', 'folder of all labs', defaultBase)
  .option('--cache <folder>', 'folder of built images', defaultCache)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .enablePositionalOptions();

function open(options: CommonOptions): Lab {
  const { base, cache } = program.opts<{ base: string; cache: string }>();
  return openLab({ name: options.name, base, cache, progress: (line) => console.log(line) });
}

/** A subcommand with the lab's name among its options. */
function command(parent: Command, usage: string, description: string): Command {
  return parent.command(usage).description(description).option('--name <name>', 'the lab', 'lab');
}

interface UpCommandOptions extends CommonOptions {
  nodes: number;
  prefix?: string;
  login?: Login;
  cloneIdentity?: true;
  offload?: true;
  owner?: NodeOwner;
  extra?: string[];
  router?: true;
}

command(program, 'up', 'start a lab, continue a half-started one, or add nodes')
  .requiredOption('--nodes <count>', 'how many nodes', parseCount)
  .option('--prefix <prefix>', 'nodes are <prefix>1, <prefix>2, … (default: node)')
  .addOption(new Option('--login <mode>', 'who may log in (default: root)').choices(['root', 'sudo']))
  .option('--clone-identity', 'all nodes with the same SSH host keys and machine-id')
  .option('--offload', 'large segments reach nodes: faster, and eth0 cannot go into a node’s own Open vSwitch')
  .addOption(new Option('--owner <who>', 'who configures eth0 (default: ifupdown)').choices([...nodeOwners]))
  .option('--extra <packages...>', 'packages of Debian beyond those of the image')
  .option('--router', 'DHCP names the switch as default router')
  .action(async (options: UpCommandOptions) => {
    const startedAt = performance.now();
    const { name: _name, ...upOptions } = options;
    const lab = open(options);
    const results = await lab.up(upOptions);
    const failed = results.filter((result) => result.error !== null);
    const { login } = await lab.status();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`lab ${lab.name}: ${results.length - failed.length} of ${results.length} nodes ready in ${seconds} s`);
    const user = login === 'root' ? 'root' : `${sudoUser} (with sudo)`;
    // Before the node: what comes after it belongs to the program that runs there.
    const flags = lab.name === 'lab' ? '' : ` --name ${lab.name}`;
    console.log(
      `log in as ${user}, password ${nodePassword}: npm run lab -- ssh${flags} ${results[0]?.name ?? 'node1'}`,
    );
    if (failed.length > 0) process.exitCode = 1;
  });

program
  .command('image')
  .description('build the image of the nodes, where it is not built yet; `up` does so too')
  .addOption(new Option('--owner <who>', 'who configures eth0 (default: ifupdown)').choices([...nodeOwners]))
  .action(async ({ owner }: { owner?: NodeOwner }) => {
    // A signal goes to the whole process group: mmdebstrap then removes its mounts, and we remove the rest.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
    await ensureImage(program.opts<{ cache: string }>().cache, (line) => console.log(line), { owner });
  });

command(program, 'down', 'remove the lab with everything in it').action(async (options: CommonOptions) => {
  await open(options).down();
  console.log(`lab ${options.name}: gone`);
});

command(program, 'status', 'show every node')
  .option('--json', 'for programs')
  .action(async (options: CommonOptions & { json?: true }) => {
    const status = await open(options).status();
    console.log(options.json ? JSON.stringify(status, null, 2) : describeStatus(status));
  });

command(program, 'exec', 'run a program as root in a node, or in each of a range')
  .argument('<nodes>', 'a node or a range', parseNodes)
  .argument('<argv...>', 'the program and its arguments, after --')
  .option('--timeout <seconds>', 'deadline', parseCount, 600)
  .passThroughOptions()
  .action(async (nodes: string[], argv: string[], options: CommonOptions & { timeout: number }) => {
    process.exitCode = await runExec(open(options), nodes, withoutDashes(argv), options.timeout * 1000);
  });

/** Commander leaves the `--` in front of what it passes through. */
function withoutDashes(argv: string[]): string[] {
  return argv[0] === '--' ? argv.slice(1) : argv;
}

async function runExec(lab: Lab, nodes: string[], argv: string[], timeoutMs: number): Promise<number> {
  const isOne = nodes.length === 1;
  const codes = await Promise.all(
    nodes.map(async (node) => {
      try {
        const stdin = isOne && !process.stdin.isTTY ? { stdin: process.stdin } : {};
        const onOutput = (text: string, stream: 'stdout' | 'stderr') => process[stream].write(text);
        const { stdout } = await lab.exec(node, argv, { timeoutMs, ...stdin, ...(isOne ? { onOutput } : {}) });
        if (!isOne) process.stdout.write(prefixLines(node, stdout));
        return 0;
      } catch (error) {
        if (!(error instanceof CommandError)) {
          console.error(`${node}: ${describeError(error)}`);
          return 1;
        }
        if (!isOne) process.stdout.write(prefixLines(node, `${error.stdout}${error.stderr}`));
        return error.exitCode ?? 255;
      }
    }),
  );
  // A pipe that nobody closes would keep this process alive.
  process.stdin.destroy();
  return Math.max(...codes);
}

function prefixLines(node: string, text: string): string {
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.map((line) => `${node}: ${line}\n`).join('');
}

command(program, 'ssh', 'log in to a node over SSH, with its password')
  .argument('<node>')
  .argument('[argv...]', 'a program to run there, after --')
  .passThroughOptions()
  .action(async (node: string, argv: string[], options: CommonOptions) => {
    const lab = open(options);
    const { login } = await lab.status();
    const user = login === 'root' ? 'root' : sudoUser;
    // Host keys of a lab change with every `up`: ssh must not remember them.
    const quiet = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
    const ssh = ['sshpass', '-e', 'ssh', ...quiet, `${user}@${await lab.address(node)}`, ...withoutDashes(argv)];
    process.exitCode = await runOnTerminal(ssh, { SSHPASS: nodePassword });
  });

program
  .command('guest')
  .description('build the small guest VM; prints the paths of its kernel and initramfs')
  .action(async () => {
    const guest = await ensureGuest(program.opts<{ cache: string }>().cache, (line) => console.error(line));
    console.log(`kernel ${guest.kernel}\ninitramfs ${guest.initramfs}`);
  });

const fault = program.command('fault').description('break something, or restore it').enablePositionalOptions();

command(fault, 'power', 'cut a node’s power (hard), or boot it')
  .argument('<nodes>', 'a node or a range', parseNodes)
  .argument('<state>', 'on or off', oneOf('on', 'off'))
  .action(async (nodes: string[], state: 'on' | 'off', options: CommonOptions) => {
    const lab = open(options);
    await Promise.all(nodes.map((node) => lab.fault.power(node, state)));
    console.log(`power ${state}: ${nodes.join(', ')}`);
  });

command(fault, 'link', 'cut a node’s cable, or restore it')
  .argument('<nodes>', 'a node or a range', parseNodes)
  .argument('<state>', 'up or down', oneOf('up', 'down'))
  .action(async (nodes: string[], state: 'up' | 'down', options: CommonOptions) => {
    const lab = open(options);
    for (const node of nodes) await lab.fault.link(node, state);
    console.log(`link ${state}: ${nodes.join(', ')}`);
  });

command(fault, 'dhcp', 'stop DHCP, make it hand out other addresses, or restore it')
  .argument('<mode>', 'on, off or other-range', oneOf('on', 'off', 'other-range'))
  .action(async (mode: DhcpMode, options: CommonOptions) => open(options).fault.dhcp(mode));

command(fault, 'gateway', 'make the default router answer no pings, or restore it')
  .argument('<mode>', 'silent or on', oneOf('silent', 'on'))
  .action(async (mode: 'silent' | 'on', options: CommonOptions) => open(options).fault.gateway(mode));

interface TrunkOptions extends CommonOptions, Partial<TrunkFaults> {
  readonly drop?: number[];
}

command(fault, 'trunk', 'make the switch drop VLANs on a node’s port, or spoil their frames; none ends a kind of fault')
  .argument('<node>')
  .option('--drop <vlans>', 'VLANs that do not pass, such as 120,130-140', parseDropped)
  .option('--untag <vlans>', 'their frames reach the node without the tag', parseTagged)
  .option('--block-from <vlans>', 'frames from the node are dropped', parseTagged)
  .option('--block-to <vlans>', 'frames to the node are dropped', parseTagged)
  .option('--lose-big <vlans>', 'frames of more than 1,000 bytes are lost', parseTagged)
  .option('--move <pairs>', 'frames from the node continue on another VLAN, such as 120:130', parseMoves)
  .option('--double <vlans>', 'frames from the node arrive twice', parseTagged)
  .action(async (node: string, { name, drop, ...faults }: TrunkOptions) => {
    const lab = open({ name });
    if (drop === undefined && Object.keys(faults).length === 0)
      throw new AppError('invalid', 'name a fault: see --help');
    if (drop !== undefined) await lab.fault.dropVlans(node, drop);
    if (Object.keys(faults).length > 0) await lab.fault.trunk(node, faults);
  });

for (const [name, signal, description] of [
  ['kill', 'SIGKILL', 'kill -9 a node’s processes of this name'],
  ['stop', 'SIGSTOP', 'freeze a node’s processes of this name'],
  ['cont', 'SIGCONT', 'thaw them'],
] as const) {
  command(fault, name, description)
    .argument('<node>')
    .argument('<program>')
    .action(async (node: string, processName: string, options: CommonOptions) => {
      const count = await open(options).fault.signal(node, processName, signal);
      console.log(`${node}: ${signal} to ${count} of ${processName}`);
    });
}

command(fault, 'partition', 'groups of nodes no longer reach each other')
  .argument('<ranges...>', "two or more, such as 'node[1-5]' 'node[6-10]'")
  .action(async (ranges: string[], options: CommonOptions) => open(options).fault.partition(ranges.map(parseNodes)));

command(fault, 'heal', 'end a partition').action(async (options: CommonOptions) => open(options).fault.heal());

command(fault, 'clock', 'move a node’s clock (where the machine permits it)')
  .argument('<node>')
  .argument('<seconds>', 'such as +3600')
  .action(async (node: string, seconds: string, options: CommonOptions) =>
    open(options).fault.clock(node, Number(seconds)),
  );

command(program, 'replug', 'for the lab itself: a fresh network for a node that reboots')
  .argument('<node>')
  .action(async (node: string, options: CommonOptions) => open(options).replug(node));

try {
  await program.parseAsync();
} catch (error) {
  console.error(`lab: ${describeError(error)}`);
  process.exitCode = error instanceof AppError && error.code === 'invalid' ? 2 : 1;
}
