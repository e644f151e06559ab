// `meshdeck bridge`: the bridge plans from a shell, what is there, and the runbook.
import type { Command } from 'commander';
import { AppError } from '../contract/errors.ts';
import { renderRunbook } from '../core/plans/bridge/runbook.ts';
import { safeJson, safeText } from '../core/safe-text.ts';
import type { Backend } from './backend.ts';
import { exitCodes } from './exit-codes.ts';
import { planAndRun } from './plan-command.ts';
import type { PlanOptions } from './plan-command.ts';
import { describeBridges } from './plan-text.ts';

interface BridgeOptions extends PlanOptions {
  undo?: true;
  confirm?: string;
  bridge?: string;
  uplink: string[];
  method?: string;
  datapath?: string;
  hold?: true;
  window?: string;
  time: string[];
  atOnce?: string;
  runbook?: true;
  rebootCanary?: true;
}

type WithBackend = (work: (backend: Backend) => Promise<number>) => Promise<void>;

const collect = (value: string, all: string[]) => [...all, value];

export function addBridgeCommand(
  planCommand: (usage: string, description: string) => Command,
  withBackend: WithBackend,
): void {
  const bridge = planCommand('bridge', 'move the NIC of nodes into an Open vSwitch bridge; arms the rollback first')
    .enablePositionalOptions()
    .argument('<nodes>', 'a node range')
    .option('--undo', 'remove the bridge permanently')
    .option('--confirm <bridge>', 'with --undo: the bridge’s name again')
    .option('--bridge <name>', 'name of the bridge (mega_bridge)')
    .option(
      '--uplink <nic>',
      'NIC of all nodes, or node=nic for one node (default: the NIC that the console logged in over)',
      collect,
      [],
    )
    .option('--method <name>', 'how it comes back at boot: auto, ifupdown, commands, networkd')
    .option('--datapath <name>', 'auto, system (kernel), netdev (userspace)')
    .option('--hold', 'wait until the end of the window for somebody to say keep')
    .option('--window <seconds>', 'a node rolls back after this time unless its change is kept (120)')
    .option('--time <name=seconds>', 'settle, inside, cap, ovsApply, ovsUndo, dhcp, ownerRestart, reboot', collect, [])
    .option('--at-once <count>', 'nodes that change at once (16)')
    .option(
      '--reboot-canary',
      'restart the first node to prove it, after a yes; everything that runs there ends, VMs included',
    )
    .option('--runbook', 'print the steps as commented shell, and do nothing')
    .action((nodes: string, options: BridgeOptions) =>
      withBackend(async (backend) => {
        const kind = options.undo ? 'remove-bridge' : 'bridge';
        const form = options.undo ? removalForm(nodes, options) : bridgeForm(nodes, options);
        if (!options.runbook) return planAndRun(backend, kind, form, options);
        process.stdout.write(safeText(renderRunbook(await backend.makePlan(kind, form, {}))));
        return exitCodes.done;
      }),
    );

  bridge
    .command('show')
    .description('what is there: bridge, uplink, owner, persistence, pending transactions, whether a reboot is safe')
    .argument('<nodes>', 'a node range')
    .option('--json', 'for programs')
    .action((nodes: string, options: { json?: true }) =>
      withBackend(async (backend) => {
        const found = await backend.showBridges(nodes);
        console.log(options.json ? safeJson(found, 2) : describeBridges(found));
        return found.some(({ error }) => error !== '') ? exitCodes.failed : exitCodes.done;
      }),
    );
}

function bridgeForm(nodes: string, options: BridgeOptions): Record<string, unknown> {
  const uplinks = options.uplink.filter((text) => text.includes('=')).map((text) => pairOf('--uplink', text));
  const common = options.uplink.filter((text) => !text.includes('='));
  if (common.length > 1)
    throw new AppError('invalid', `--uplink ${common.join(', ')}: one for all, and node=nic for single nodes`);
  return {
    ...commonOf(nodes, options),
    ...(common[0] === undefined ? {} : { uplink: common[0] }),
    uplinks: Object.fromEntries(uplinks),
    ...(options.method === undefined ? {} : { method: options.method }),
    ...(options.datapath === undefined ? {} : { datapath: options.datapath }),
    ...(options.rebootCanary ? { rebootCanary: true } : {}),
  };
}

function removalForm(nodes: string, options: BridgeOptions): Record<string, unknown> {
  const { uplink, method, datapath, rebootCanary } = options;
  const stray = Object.entries({
    '--uplink': uplink[0],
    '--method': method,
    '--datapath': datapath,
    '--reboot-canary': rebootCanary,
  })
    .filter(([, value]) => value !== undefined)
    .map(([flag]) => flag);
  if (stray.length > 0)
    throw new AppError('invalid', `${stray.join(', ')}: not with --undo, which takes away what was committed`);
  return { ...commonOf(nodes, options), confirm: options.confirm ?? '' };
}

function commonOf(nodes: string, options: BridgeOptions): Record<string, unknown> {
  return {
    nodes,
    hold: options.hold ?? false,
    times: Object.fromEntries(
      options.time.map((text) => {
        const [name, seconds] = pairOf('--time', text);
        if (!/^\d+$/.test(seconds)) throw new AppError('invalid', `--time ${text}: whole seconds`);
        return [name, Number(seconds)];
      }),
    ),
    ...(options.bridge === undefined ? {} : { bridge: options.bridge }),
    ...(options.window === undefined ? {} : { window: options.window }),
    ...(options.atOnce === undefined ? {} : { atOnce: options.atOnce }),
  };
}

function pairOf(flag: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new AppError('invalid', `${flag} ${text}: name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}
