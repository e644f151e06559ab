// What a launch will do, from what its hosts said: names, UUIDs and MAC addresses that nobody has, and a host for every VM; or, for each VM, why not. Pure: it asks
// nobody and makes nothing. The launcher (launcher.ts) asks before and acts after.
import { AppError } from '../../contract/errors.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import { findDiskConflict } from '../../core/vms/disk-spec.ts';
import { findTaken, nameUnnamed, type LaunchNames } from '../../core/vms/names.ts';
import { generateMac } from '../../core/vms/net-spec.ts';
import { placeVms, type LoadKind } from '../../core/vms/placement.ts';
import { qemuArgs } from '../../core/vms/qemu-args.ts';
import { previewMachine } from './preview.ts';
import type { PlannedVm, Survey } from './vm-host.ts';

/** VMs that a launch makes alike. */
export interface LaunchOrder {
  readonly names: LaunchNames;
  readonly config: VmConfig;
  /** The UUID of each of its VMs, by name; random ones unless given. */
  readonly uuidOf?: (name: string) => string;
}

/** A VM with all but its VLANs, whose numbers are asked for last. */
export interface PlacedVm extends Omit<PlannedVm, 'vlans'> {
  readonly host: string;
}

/** A VM as its node told all others. */
export interface ListedVm {
  readonly name: string;
  readonly host: string;
  readonly uuid: string;
  readonly macs: readonly string[];
}

export interface PlanInput {
  readonly namespace: string;
  readonly load: LoadKind;
  readonly order: LaunchOrder;
  /** By host, of those that answered. */
  readonly surveys: ReadonlyMap<string, Survey>;
  /** Why the others got no VM, by host. */
  readonly silent: ReadonlyMap<string, string>;
  /** VMs of the namespace on all nodes, as each said last: what is known of nodes that were not asked or did not answer. */
  readonly listed: readonly ListedVm[];
  /** Number of the next VM without a name. */
  readonly nextNumber: number;
  /** 0 to 255. */
  readonly randomByte: () => number;
  readonly newUuid: () => string;
}

export interface LaunchPlan {
  readonly vms: readonly PlacedVm[];
  readonly nextNumber: number;
  /** What a person should know. */
  readonly notes: readonly string[];
}

/** Lines of one error: 10,000 VMs may each have their own. */
const maxIssuesSaid = 50;

/** @throws AppError `refused` with what is wrong, by VM; then nothing was changed anywhere */
export function planLaunch(input: PlanInput): LaunchPlan {
  const { order, surveys, namespace } = input;
  const { config } = order;
  const unasked = input.listed.filter(({ host }) => !surveys.has(host));
  const all = [...surveys.values()].map((survey) => survey.taken);
  const taken = {
    names: new Set([...all.flatMap(({ names }) => names), ...unasked.map(({ name }) => name)]),
    uuids: new Set([...all.flatMap(({ uuids }) => uuids), ...unasked.map(({ uuid }) => uuid)]),
    macs: new Set([...all.flatMap(({ macs }) => macs), ...unasked.flatMap((vm) => vm.macs)]),
  };
  const { names, next } =
    'names' in order.names
      ? { names: order.names.names, next: input.nextNumber }
      : nameUnnamed(order.names.count, input.nextNumber, (name) => taken.names.has(name));
  const existing = [...taken.names].map((name) => ({ name, uuid: '' }));
  const uuids = [...taken.uuids].map((uuid) => ({ name: '', uuid }));
  const issues = new Map(findTaken(names, config.uuid, [...existing, ...uuids]));
  for (const { name, host } of unasked) {
    const text = issues.get(name);
    const away = input.silent.has(host) ? ', which does not answer' : '';
    if (text !== undefined) issues.set(name, `${text} on ${host}${away}`);
  }
  for (const name of order.uuidOf ? names : []) {
    const uuid = order.uuidOf?.(name) ?? '';
    if (taken.uuids.has(uuid) && !issues.has(name)) issues.set(name, `vm already exists with UUID \`${uuid}\``);
  }
  throwIssues(issues, names.length);

  const usable = [...surveys].filter(([, survey]) => survey.issues.length === 0);
  const issue = findConfigIssue(config, names.length, taken.macs) ?? (usable.length === 0 ? reasonsOf(surveys) : null);
  if (issue !== null) throw new AppError('refused', issue);

  const requests = names.map((name) => requestOf(name, config));
  const { placed, violations } = placeVms(
    usable.map(([, { host }]) => host),
    requests,
    { load: input.load, namespace },
  );
  const reason = input.silent.get(config.schedule) ?? surveys.get(config.schedule)?.issues[0]?.text;
  // A host that is wanted and did not answer, or cannot run the VM, is more than unknown.
  const bound = reason === undefined ? null : `it is to run on ${config.schedule}: ${reason}`;
  throwIssues(new Map([...violations].map(([name, text]) => [name, bound ?? text])), names.length);

  const vms = names.map((name): PlacedVm => {
    const own = config.uuid === '' ? order.uuidOf?.(name) : config.uuid;
    const uuid = own ?? unusedUuid(input.newUuid, taken.uuids);
    const networks = config.networks.map((net) => {
      const mac = net.mac === '' ? generateMac(input.randomByte, (known) => taken.macs.has(known)) : net.mac;
      taken.macs.add(mac);
      return { ...net, mac };
    });
    return { name, uuid, config: { ...config, uuid, networks }, host: placed.get(name) ?? '' };
  });
  return { vms, nextNumber: next, notes: notesOf(input) };
}

/** What hosts would say once these VMs were on them. */
export function withPlaced(
  surveys: PlanInput['surveys'],
  namespace: string,
  placed: readonly PlacedVm[],
): PlanInput['surveys'] {
  if (placed.length === 0) return surveys;
  const sum = (own: readonly PlacedVm[], of: (config: VmConfig) => number) =>
    own.reduce((all, { config }) => all + of(config), 0);
  return new Map(
    [...surveys].map(([name, survey]) => {
      const own = placed.filter((vm) => vm.host === name);
      const { host, taken } = survey;
      const macs = own.flatMap(({ config }) => config.networks.map(({ mac }) => mac));
      return [
        name,
        {
          ...survey,
          host: {
            ...host,
            committedCpus: host.committedCpus + sum(own, ({ vcpus }) => vcpus),
            committedMemoryMb: host.committedMemoryMb + sum(own, ({ memory }) => memory),
            committedNets: host.committedNets + sum(own, ({ networks }) => networks.length),
            vms: [...host.vms, ...own.map((vm) => ({ name: vm.name, namespace, coschedule: vm.config.coschedule }))],
          },
          taken: {
            names: [...taken.names, ...own.map((vm) => vm.name)],
            uuids: [...taken.uuids, ...own.map(({ uuid }) => uuid)],
            macs: [...taken.macs, ...macs],
          },
        },
      ];
    }),
  );
}

/** Why no host can run this configuration so many times, before any host is looked at. */
function findConfigIssue(config: VmConfig, count: number, takenMacs: ReadonlySet<string>): string | null {
  const args = qemuArgs(previewMachine(config));
  if (!args.ok) return args.message;
  for (const { mac } of config.networks) {
    if (mac === '') continue;
    if (count > 1)
      return `${count} VMs cannot have the one MAC address ${mac}: leave it out, or launch them one by one`;
    if (takenMacs.has(mac)) return `another VM has the MAC address ${mac}`;
  }
  const conflict = findDiskConflict(Array.from({ length: Math.min(count, 2) }, () => config));
  return conflict === null ? null : `${conflict}: with \`vm config snapshot false\` one VM alone writes it`;
}

/** Why no host can run it, each reason with its hosts. */
function reasonsOf(surveys: PlanInput['surveys']): string {
  const reasons = new Map<string, string[]>();
  for (const [name, { issues }] of surveys) {
    const text = issues[0]?.text ?? '';
    reasons.set(text, [...(reasons.get(text) ?? []), name]);
  }
  const [only] = reasons.keys();
  if (reasons.size === 1) return only ?? '';
  return [...reasons].map(([text, names]) => `${describeRange(names)}: ${text}`).join('; ');
}

function requestOf(name: string, config: VmConfig) {
  const { vcpus, memory, schedule, colocate, coschedule, networks } = config;
  return { name, vcpus, memoryMb: memory, nets: networks.length, schedule, colocate, coschedule };
}

function unusedUuid(make: () => string, taken: Set<string>): string {
  let uuid = make();
  while (taken.has(uuid)) uuid = make();
  taken.add(uuid);
  return uuid;
}

function notesOf({ silent, surveys, order: { config } }: PlanInput): string[] {
  const unable = [...surveys].flatMap(([host, { issues }]) => (issues[0] ? [[host, issues[0].text] as const] : []));
  const notes = [...silent, ...unable].map(([host, why]) => `${host} gets no VM: ${withoutStart(why, `${host}: `)}`);
  if (config.kernel !== '' && config.initrd === '' && config.disks.length === 0 && config.cdrom === '') {
    notes.push('a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside');
  }
  return notes;
}

/** A host's error may name the host already, more than once where it was passed on. */
function withoutStart(text: string, start: string): string {
  return text.startsWith(start) ? withoutStart(text.slice(start.length), start) : text;
}

function throwIssues(issues: ReadonlyMap<string, string>, count: number): void {
  if (issues.size > 0) throw new AppError('refused', describeIssues(issues, count));
}

/** Each text once, with its VMs in front; alone when it is about all of them, or names its VM itself. */
export function describeIssues(issues: ReadonlyMap<string, string>, count: number): string {
  const byText = new Map<string, string[]>();
  for (const [name, text] of issues) {
    const names = byText.get(text);
    if (names) names.push(name);
    else byText.set(text, [name]);
  }
  const lines = [...byText].map(([text, names]) => {
    const says = names.length === 1 && text.includes(names[0] ?? '');
    return says || names.length === count ? text : `${describeRange(names)}: ${text}`;
  });
  const said = lines.slice(0, maxIssuesSaid);
  if (lines.length > said.length) said.push(`and ${lines.length - said.length} more`);
  return said.join('\n');
}
