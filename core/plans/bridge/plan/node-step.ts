// The step of one node: its transaction, what it shows, and what a page draws of it.
import type { Step } from '../../../../contract/plans.ts';
import { unifiedDiff } from '../../../unified-diff.ts';
import { bridgeStep } from './actions.ts';
import type { BridgeFacts, BridgeMethod, NicFacts } from '../observe/facts.ts';
import type {
  BridgeForm,
  BridgePersistence,
  BridgePlanFacts,
  BridgeSighting,
  PlanPersistence,
  RemoveBridgeForm,
} from './inputs.ts';
import { judgeManaged, judgeNamers, managedFlag } from '../observe/namers.ts';
import { addressesOf, carrierOf, pictureAfter, pictureBefore } from './picture.ts';
import type { BridgeNicChoice, BridgeStepArgs, BridgeUndoArgs, PlannedTransaction, WitnessPlan } from './step-args.ts';
import { describePhases } from './phases.ts';
import { judgeRegenerated } from '../observe/regenerated.ts';
import { deadlineOf, timesOf } from './times.ts';
import { rescueCommand } from './transaction.ts';
import type { BridgeTransaction, InsideCheck } from './transaction.ts';
import { describeOwner, describeSeconds } from '../judge/words.ts';
import type { BridgeFinding } from '../judge/finding.ts';
import type { BridgeVerdict } from '../judge/verdict.ts';
import { chooseRule, describeRule } from './witnesses.ts';

/** A node that was reached, and the verdict on it. */
export interface JudgedNode {
  readonly sighting: BridgeSighting & { readonly facts: BridgeFacts };
  readonly verdict: BridgeVerdict;
}

export function bridgeStepOf(
  { sighting, verdict }: JudgedNode,
  form: BridgeForm,
  all: BridgePlanFacts,
  persist: PlanPersistence,
): { step: Step | null; findings: readonly BridgeFinding[] } {
  const { facts, target } = sighting;
  const { uplink, presence, method, datapath } = verdict;
  if (uplink === null) return { step: null, findings: verdict.findings };
  const kind = presence === 'unproven' || presence === 'right' ? 'persist' : 'ensure';
  const persistence: BridgePersistence =
    presence === 'right'
      ? { files: [], enable: [], disable: [], dhcp: 'none', findings: [] }
      : persist(facts, { kind, bridge: form.bridge, uplink, method, datapath });
  const findings = [
    ...verdict.findings,
    ...persistence.findings,
    ...judgeRegenerated(facts, persistence.files),
    ...(presence === 'right' ? [] : judgeNamers(facts, { uplink: uplink.name, bridge: form.bridge })),
    ...(kind === 'ensure' ? judgeManaged(uplink, form.bridge) : []),
    ...(presence === 'right' ? [] : restartRadius(form.times.reboot, facts.vms)),
  ];
  const transaction = transactionOf(kind, { facts, verdict, uplink, persistence, form });
  const args = argsOf(sighting, all, { verdict, uplink, transaction, taps: [], findings });
  const undo: BridgeUndoArgs = { target, bridge: form.bridge, witness: args.witness, times: transaction.times };
  const step = bridgeStep({
    action: kind === 'ensure' || presence === 'right' ? 'ensureBridge' : 'persistBridge',
    node: target.name,
    title: titleOf(presence, args),
    why: whyOf(presence, args),
    preview: presence === 'right' ? [{ kind: 'note', text: rightText(args) }] : previewOf(args, facts),
    isDone: presence === 'right',
    args,
    // A bridge that was there before is not ours to take away: only what this run moved is undone.
    undo: kind === 'ensure' ? { action: 'removeBridge', args: undo } : null,
    deadlineMs: deadlineOf(transaction.times),
  });
  return { step, findings };
}

/** The VMs that end if the plan asks for a restart of a node whose rollback failed. */
function restartRadius(seconds: number | undefined, vms: readonly string[]): BridgeFinding[] {
  if (!seconds || vms.length === 0) return [];
  const text = `if its rollback failed it would restart after ${describeSeconds(seconds)}, which ends ${vms.join(', ')}`;
  return [{ id: 'restart', level: 'warn', field: '', text, mend: 'end these VMs first, or plan without the restart' }];
}

function titleOf(presence: BridgeVerdict['presence'], { transaction, madeBy }: BridgeStepArgs): string {
  const { bridge, uplink } = transaction;
  switch (presence) {
    case 'right':
      return `${bridge} with ${uplink} is right already`;
    case 'unproven':
      return `Make ${bridge} come back at boot`;
    case 'partial':
      return `Complete ${bridge}, made by ${madeBy}, with ${uplink}`;
    case 'absent':
      return `Put ${uplink} into ${bridge}`;
  }
}

function whyOf(presence: BridgeVerdict['presence'], { transaction, findings }: BridgeStepArgs): string {
  const { bridge, uplink } = transaction;
  if (presence === 'right') return 'Bridge, uplink and addresses are as wanted and come back at boot: nothing is done.';
  if (presence === 'unproven' && findings.some(({ id }) => id === 'drift'))
    return `${bridge} differs from what was committed: the plan writes what the next boot needs again, and records the rest as it is. Nothing changes until then.`;
  if (presence === 'unproven')
    return `${bridge} and ${uplink} work, but would be gone or without addresses after a reboot. Nothing changes until then.`;
  return `VMs of all nodes meet over it. The addresses of ${uplink} move to ${bridge}; the rollback is armed before anything changes.`;
}

function rightText({ transaction, madeBy, ownerText }: BridgeStepArgs): string {
  return `${transaction.bridge} with ${transaction.uplink}, made by ${madeBy}; ${transaction.uplink} belongs to ${ownerText}`;
}

export function transactionOf(
  kind: BridgeTransaction['kind'],
  parts: {
    readonly facts: BridgeFacts;
    readonly verdict: BridgeVerdict;
    readonly uplink: NicFacts;
    readonly persistence: BridgePersistence;
    readonly form: Pick<RemoveBridgeForm, 'bridge' | 'hold' | 'window' | 'times'>;
  },
): PlannedTransaction {
  const { facts, verdict, uplink, persistence, form } = parts;
  const { bridge } = form;
  return {
    kind,
    bridge,
    uplink: uplink.name,
    mac: carrierOf(facts, uplink, bridge).mac,
    mtu: uplink.mtu,
    datapath: verdict.datapath,
    owner: uplink.owner,
    method: verdict.method,
    dhcp: persistence.dhcp,
    dhcpClientId: uplink.dhcpClientId,
    files: persistence.files.map((file) => ({ ...file })),
    enable: [...persistence.enable],
    disable: [...persistence.disable],
    addresses: addressesOf(carrierOf(facts, uplink, bridge)),
    leave: carrierOf(facts, uplink, bridge)
      .addresses.filter(({ flags }) => flags.includes(managedFlag))
      .map(({ address }) => address),
    checks: checksOf(facts, uplink, bridge),
    isHeld: form.hold,
    times: timesOf(form, uplink),
  };
}

/** Only what can be checked there. The node also leaves out what does not pass before the change. */
function checksOf(facts: BridgeFacts, uplink: NicFacts, bridge: string): InsideCheck[] {
  return [
    ...(uplink.hasCarrier ? (['carrier'] as const) : []),
    'addresses',
    'routes',
    'ovs',
    ...(hasGateway(facts, uplink, bridge) ? (['gateway'] as const) : []),
    ...(facts.dnsServers.length > 0 ? (['dns'] as const) : []),
  ];
}

function hasGateway(facts: BridgeFacts, uplink: NicFacts, bridge: string): boolean {
  return facts.defaultRoutes.some(({ dev, via }) => via !== '' && (dev === uplink.name || dev === bridge));
}

export function argsOf(
  sighting: BridgeSighting & { readonly facts: BridgeFacts },
  all: BridgePlanFacts,
  parts: {
    readonly verdict: BridgeVerdict;
    readonly uplink: NicFacts;
    readonly transaction: PlannedTransaction;
    readonly taps: string[];
    readonly findings: readonly BridgeFinding[];
  },
): BridgeStepArgs {
  const { facts, target } = sighting;
  const { verdict, uplink, transaction } = parts;
  const witness = witnessOf(sighting, all, hasGateway(facts, uplink, transaction.bridge));
  return {
    target,
    expected: [...new Set([target.address, ...(facts.ingressAddress === '' ? [] : [facts.ingressAddress])])],
    transaction,
    witness,
    before: pictureBefore(facts, uplink, transaction.bridge),
    after: pictureAfter(facts, uplink, transaction),
    nics: nicChoicesOf(facts, { bridge: transaction.bridge, uplink }),
    ownerText: describeOwner(uplink),
    madeBy: verdict.madeBy,
    presence: verdict.presence,
    findings: parts.findings.map((finding) => ({ ...finding })),
    outage: describeOutage(transaction, uplink),
    rollback: describeRollback(transaction),
    witnessText: describeRule(witness.rule),
    taps: parts.taps,
    traits: traitsOf(facts, uplink, transaction),
  };
}

/** What a person may choose from as the uplink. */
export function nicChoicesOf(
  facts: BridgeFacts,
  { bridge, uplink }: { readonly bridge: string; readonly uplink: NicFacts | null },
): BridgeNicChoice[] {
  return facts.nics
    .filter(({ kind, name }) => kind !== 'internal' && name !== 'lo')
    .map((nic) => ({
      name: nic.name,
      kind: nic.kind,
      mac: nic.mac,
      address: addressesOf(nic)[0] ?? '',
      owner: describeOwner(nic),
      hasCarrier: nic.hasCarrier,
      isIngress: nic.name === facts.ingress || (facts.ingress === bridge && nic.ovsBridge === bridge && nic === uplink),
    }));
}

/** Nodes outside the plan come first: they change least. Nodes of other waves follow, since they may be changing themselves. */
const maxPeers = 8;

function witnessOf(sighting: BridgeSighting, all: BridgePlanFacts, gateway: boolean): WitnessPlan {
  const inPlan = all.nodes
    .filter(({ target, facts, isConsole }) => target.name !== sighting.target.name && facts !== null && !isConsole)
    .map(({ target }) => target);
  const peers = [...all.bystanders, ...inPlan].slice(0, maxPeers);
  return {
    rule: chooseRule({ isConsoleOnNode: sighting.isConsole, peers: peers.length, hasGateway: gateway }),
    peers,
    isConsoleOnNode: sighting.isConsole,
  };
}

export function describeOutage(transaction: PlannedTransaction, uplink: Pick<NicFacts, 'kind' | 'dhcp'>): string {
  if (transaction.kind === 'persist') return 'none: nothing changes before the next boot';
  const slow =
    uplink.kind === 'bond' || uplink.kind === 'team' ? '; up to 30 s where its switch negotiates LACP again' : '';
  const lease =
    uplink.dhcp === 'none'
      ? ''
      : '. Its lease is taken over afterwards, with the address in place; a few seconds without renewal do no harm';
  return `well under a second: the addresses are carried as they are${slow}${lease}`;
}

export function describeRollback({ kind, bridge, uplink, times, isHeld }: PlannedTransaction): string {
  if (kind === 'persist') return 'The files are put back as they were.';
  const back =
    kind === 'ensure'
      ? `${uplink} leaves ${bridge} and has its addresses and routes again; the bridge goes if this run made it, and taps of VMs stay as they are`
      : `${uplink} goes back into ${bridge} with the addresses on the bridge`;
  return (
    `Armed in PID 1 and for the next boot before anything changes. Unless the node is ${isHeld ? 'kept by somebody' : 'seen from outside'} ` +
    `within ${times.window} s (prolonged to ${describeSeconds(times.cap)} as long as anyone sees it): ${back}. The console may die meanwhile.` +
    (times.reboot > 0
      ? ` If the rollback itself fails, the machine restarts after ${describeSeconds(times.reboot)}.`
      : '')
  );
}

function traitsOf(facts: BridgeFacts, uplink: NicFacts, transaction: PlannedTransaction): Record<string, string> {
  return {
    'NIC kind': uplink.kind,
    MTU: String(uplink.mtu),
    owner: describeOwner(uplink),
    method: transaction.method,
    datapath: transaction.datapath,
    'Open vSwitch': facts.ovs.version,
    'DHCP client': uplink.dhcp,
    'DHCP client identifier': uplink.dhcpClientId || 'the client’s default',
    'IPv6 addresses': uplink.ipv6Mode,
    'switch port': uplink.lldp || 'unknown',
    gateway: facts.defaultRoutes.map(({ via }) => via).join(', ') || 'none',
    'default routes': String(facts.defaultRoutes.length),
    'policy rules': String(facts.deviceRules.length),
    'name servers': facts.dnsServers.join(', ') || 'none',
    resolver: facts.resolver,
    'runs in': facts.virtualisation || 'unknown',
    systemd: String(facts.systemdVersion),
    'named by': uplink.entanglements.join('; ') || 'nothing',
    'on top of the NIC': uplink.uppers.join(', ') || 'nothing',
  };
}

export function previewOf(args: BridgeStepArgs, facts: BridgeFacts): Step['preview'] {
  const { transaction, before, after } = args;
  const phases = describePhases(transaction).map(({ text }, at) => ({
    kind: 'note' as const,
    text: `${at + 1}. ${text}`,
  }));
  const contents = new Map(facts.files.map((file) => [file.path, file.content]));
  const diffs = transaction.files.flatMap(({ path, content }) => {
    const text = unifiedDiff(path, contents.get(path) ?? null, content);
    return text === '' ? [] : [{ kind: 'diff' as const, text }];
  });
  const notes = [
    transaction.kind === 'remove'
      ? 'at boot: as it was before the bridge'
      : `${transaction.uplink} belongs to ${args.ownerText}; at boot: ${describeMethod(transaction.method)}`,
    ...(transaction.kind === 'persist'
      ? []
      : [
          `afterwards ${after.carrier} has ${after.addresses.join(', ') || 'no address'}${before.carrier === after.carrier ? ', as now' : `, which ${before.carrier} has now`}`,
        ]),
    ...(after.routes.length > 0 && transaction.kind !== 'persist' ? [`routes: ${after.routes.join('; ')}`] : []),
    `outage: ${args.outage}`,
    ...(transaction.kind === 'persist' ? [] : [args.witnessText]),
    args.rollback,
    ...(transaction.kind === 'persist'
      ? []
      : [`should it stay away all the same, type at its own console, as root: ${rescueCommand}`]),
    ...(args.taps.length > 0 ? [`loses its network: ${args.taps.join(', ')}`] : []),
  ].map((text) => ({ kind: 'note' as const, text }));
  return [...phases, ...diffs, ...notes];
}

export function describeMethod(method: BridgeMethod): string {
  switch (method) {
    case 'ifupdown':
      return 'both stanzas in /etc/network/interfaces';
    case 'commands':
      return 'the guide’s commands, in a boot unit of ours';
    case 'networkd':
      return 'files of systemd-networkd';
  }
}
