// Carries out `vm launch` from the node where it was typed: asks all hosts of the namespace, plans, holds what it will use, gets the VLANs, has the
// hosts launch, and lets go.
//
//   this node                          each host of the namespace, side by side
//     survey (10 s)              ->    what it has, lacks and cannot
//     plan, or an error for each VM
//     hold (10 s)                ->    names, UUIDs, MAC addresses, memory; the first host decides between two launches
//     VLANs, each alias once
//     launch                     ->    its VMs; progress; a result for each
//     release                    ->    in any case
//
// INVARIANTS
// - Until the holds are there, nothing is changed. A launch that ends early, for whatever reason, releases them.
// - Each VM has one outcome: launched, failed, or unknown, where its host did not say. No VM is asked of two hosts.
import { AppError, describeError } from '../../contract/errors.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import type { LoadKind } from '../../core/vms/placement.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { ResolveOptions } from '../vlans/allocator.ts';
import { callHost } from './host-call.ts';
import {
  describeIssues,
  planLaunch,
  type LaunchOrder,
  type ListedVm,
  type LaunchPlan,
  withPlaced,
  type PlacedVm,
} from './launch-plan.ts';
import type { VlanUser, VlanUsers } from '../vlans/users.ts';
import type { HoldRequest, Launched, PlannedVm, Survey, VmHost } from './vm-host.ts';

/** A host that does not answer within this gets no VM. */
export const surveyMs = 10_000;
const holdMs = 10_000;
const releaseMs = 5_000;
/** Holds end after two minutes. */
const renewMs = 50_000;
/** A host that launches says something after each VM, and every few seconds while an image is on its way. */
const silentLaunchMs = 5 * 60_000;
/** For hosts to settle what they began, once a launch was cancelled. */
const cancelledMs = 60_000;
/** How often a launch begins again that another one was quicker than. */
const maxTries = 3;
const statusMs = 1_000;

/** Namespaces, as far as a launch needs them. */
export interface LaunchNamespaces {
  hosts(namespace: string): readonly string[];
  load(namespace: string): LoadKind;
}

/** What keeps count of launches. */
export interface LaunchJournal {
  /** A launch begins. The function returned ends it. */
  begin(
    namespace: string,
    launch: { total: number; hosts: number },
  ): (outcome: { launched: number; failures: number }) => void;
}

/** VLANs, as far as a launch needs them. */
export interface LaunchVlans {
  /** @throws AppError */
  resolve(
    text: string,
    namespace: string,
    options: ResolveOptions,
  ): Promise<{ readonly vlan: number; readonly alias: string; readonly notes: readonly string[] }>;
  /** Whether this names a number that exists: `resolve` would make none. */
  isKnown(text: string, namespace: string): boolean;
}

export interface LauncherComponents {
  readonly namespaces: LaunchNamespaces;
  /** This node or another, by name. Asking one that is not there fails. */
  readonly host: (name: string) => VmHost;
  /** VMs of a namespace on all nodes, as each said last. */
  readonly listed: (namespace: string) => readonly ListedVm[];
  readonly vlans: LaunchVlans;
  readonly journal: LaunchJournal;
  readonly clock: Clock;
  /** 0 to 255. */
  readonly randomByte: () => number;
  /** For VMs, and for launches. */
  readonly newUuid: () => string;
}

export interface LaunchOptions {
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
}

/** What will be done, and what that changes. */
export interface DryRun {
  readonly vms: readonly PlacedVm[];
  /** Files that hosts will fetch. */
  readonly images: readonly { readonly host: string; readonly name: string; readonly bytes: number }[];
  /** VLANs that will be made. */
  readonly vlans: readonly string[];
  readonly notes: readonly string[];
}

export interface VmOutcome {
  readonly name: string;
  readonly host: string;
  /** `unknown`: its host did not say what became of it. */
  readonly is: 'launched' | 'failed' | 'unknown';
  /** Empty when it is launched. */
  readonly error: string;
}

export interface LaunchOutcome {
  /** One for each VM, by name. */
  readonly vms: readonly VmOutcome[];
  readonly notes: readonly string[];
}

/** What hosts answered to a survey, and why others did not, by name. */
export interface Asked {
  readonly surveys: ReadonlyMap<string, Survey>;
  readonly silent: ReadonlyMap<string, string>;
}

/** A host, under its name in the namespace. */
interface AskedHost {
  readonly name: string;
  readonly at: VmHost;
}

/** A plan, and the hosts that it was made with: all that answered. */
interface Prepared extends LaunchPlan {
  readonly hosts: readonly AskedHost[];
  readonly surveys: ReadonlyMap<string, Survey>;
}

export class Launcher {
  private readonly components: LauncherComponents;
  /** Number of the next VM without a name, by namespace. */
  private readonly counters = new Map<string, number>();
  /** By launch that is under way: its NICs, as soon as they have a number. */
  private readonly vlanUses = new Map<string, VlanUser[]>();
  /** Launches use their VLANs: hosts have them in no record yet, and a number without a user may be given to another alias. */
  readonly vlanUsers: VlanUsers = {
    using: (vlans) => {
      const wanted = new Set(vlans);
      return [...this.vlanUses.values()].flat().filter(({ vlan }) => wanted.has(vlan));
    },
    // The hosts have its plan. Its number is in use, so it is not released.
    move: () => Promise.resolve([]),
  };

  constructor(components: LauncherComponents) {
    this.components = components;
  }

  /** The namespace is gone. */
  forget(namespace: string): void {
    this.counters.delete(namespace);
  }

  /** What `launch` would do now. @throws AppError with what is wrong, by VM */
  async dryRun(namespace: string, order: LaunchOrder, options: LaunchOptions): Promise<DryRun> {
    const { vms, surveys, notes } = await withProgress(options, this.components.clock, (own) =>
      this.prepare(namespace, order, own),
    );
    const used = new Set(vms.map(({ host }) => host));
    const of = [...surveys].filter(([host]) => used.has(host));
    const vlans = new Set(vms.flatMap(({ config }) => config.networks.map(({ vlan }) => vlan)));
    return {
      vms,
      images: of.flatMap(([host, { missing }]) => missing.map(({ name, bytes }) => ({ host, name, bytes }))),
      vlans: [...vlans].filter((vlan) => !this.components.vlans.isKnown(vlan, namespace)).sort(compareNames),
      notes: [...notes, ...warningsOf(of)],
    };
  }

  /** Where `launch` would put VMs, once those of `before` are there. @throws AppError with what is wrong, by VM */
  async place(
    namespace: string,
    order: LaunchOrder,
    { before, ...options }: LaunchOptions & { readonly before: readonly PlacedVm[] },
  ): Promise<readonly PlacedVm[]> {
    const { vms } = await withProgress(options, this.components.clock, (own) =>
      this.prepare(namespace, order, { ...own, before }),
    );
    return vms;
  }

  /** What hosts have for VMs with this configuration. They need not be of the namespace, which need not be there. */
  survey(hosts: readonly string[], namespace: string, config: VmConfig, options: LaunchOptions): Promise<Asked> {
    return withProgress(options, this.components.clock, (own) => this.askHosts(hosts, namespace, config, own));
  }

  /**
   * Launches VMs; each is then in a named state or gone, or its host did not say.
   * @throws AppError when nothing was launched: what is wrong, by VM
   */
  launch(namespace: string, order: LaunchOrder, options: LaunchOptions): Promise<LaunchOutcome> {
    return withProgress(options, this.components.clock, (own) => this.tryLaunch(namespace, order, own));
  }

  private async tryLaunch(namespace: string, order: LaunchOrder, options: LaunchOptions): Promise<LaunchOutcome> {
    const launch = this.components.newUuid();
    for (let tries = 1; ; tries += 1) {
      const prepared = await this.prepare(namespace, order, options);
      this.counters.set(namespace, prepared.nextNumber);
      try {
        const refusal = await this.holdAll(launch, namespace, prepared, options);
        if (refusal === null) return await this.carryOut(launch, namespace, prepared, options);
        // Another launch was quicker, or a host went away: what it has now decides.
        if (tries === maxTries) throw refusal;
      } finally {
        this.vlanUses.delete(launch);
        await this.release(launch, prepared.hosts);
      }
    }
  }

  private async prepare(
    namespace: string,
    order: LaunchOrder,
    { signal, status, before = [] }: LaunchOptions & { readonly before?: readonly PlacedVm[] },
  ): Promise<Prepared> {
    const { namespaces, randomByte, newUuid } = this.components;
    const names = [...namespaces.hosts(namespace)].sort(compareNames);
    if (names.length === 0) throw new AppError('refused', 'namespace must contain at least one host to launch VMs');
    const { surveys, silent, hosts } = await this.askHosts(names, namespace, order.config, { signal, status });
    if (surveys.size === 0) {
      const said = [...silent].slice(0, 20).map(([host, why]) => `${host}: ${why}`);
      throw new AppError('unreachable', `no host of the namespace answered:\n${said.join('\n')}`);
    }
    const plan = planLaunch({
      namespace,
      load: namespaces.load(namespace),
      order,
      surveys: withPlaced(surveys, namespace, before),
      silent,
      listed: this.components.listed(namespace),
      nextNumber: (this.counters.get(namespace) ?? 0) + before.length,
      randomByte,
      newUuid,
    });
    return { ...plan, surveys, hosts };
  }

  /** Asks hosts side by side, and waits no longer than they have. @throws AppError `cancelled` */
  private async askHosts(
    names: readonly string[],
    namespace: string,
    config: VmConfig,
    { signal, status }: LaunchOptions,
  ): Promise<Asked & { readonly hosts: readonly AskedHost[] }> {
    status(names.length === 1 ? `asking ${names[0] ?? ''}` : `asking ${names.length} hosts`);
    const { clock } = this.components;
    const request = { namespace, configs: [config] };
    const surveys = new Map<string, Survey>();
    const silent = new Map<string, string>();
    const hosts: AskedHost[] = [];
    await Promise.all(
      names.map(async (name) => {
        try {
          const at = this.components.host(name);
          const limits = { clock, signal, timeoutMs: surveyMs };
          const survey = await callHost(name, limits, (own) => at.survey(request, own));
          surveys.set(name, { ...survey, host: { ...survey.host, name } });
          hosts.push({ name, at });
        } catch (error) {
          silent.set(name, describeError(error));
        }
      }),
    );
    hosts.sort((a, b) => compareNames(a.name, b.name));
    assertNotAborted(signal);
    return { surveys, silent, hosts };
  }

  /**
   * Holds on every host, on the first before the others: of two launches that want the same, one is refused there, and neither elsewhere.
   * @returns why it is not held everywhere, or null
   */
  private async holdAll(
    launch: string,
    namespace: string,
    { hosts, vms }: Prepared,
    { signal, status }: LaunchOptions,
  ): Promise<AppError | null> {
    status(`reserving ${vms.length} VMs`);
    const hold = async (host: AskedHost): Promise<AppError | null> => {
      try {
        const limits = { clock: this.components.clock, signal, timeoutMs: holdMs };
        await callHost(host.name, limits, (own) => host.at.hold(holdOf(launch, namespace, vms, host.name), own));
        return null;
      } catch (error) {
        return whyNotHeld(host.name, vms.length, error);
      }
    };
    const [first, ...others] = hosts;
    const refusals = [first ? await hold(first) : null];
    // Each call has to end before its hold can be released, so none is left behind when another fails.
    if (refusals[0] === null) refusals.push(...(await Promise.all(others.map(hold))));
    assertNotAborted(signal);
    return refusals.find((refusal) => refusal !== null) ?? this.findLate(namespace, hosts, vms);
  }

  /** Another launch may have been on a node that this one did not reach, and over before the first hold. */
  private findLate(namespace: string, hosts: readonly AskedHost[], vms: readonly PlacedVm[]): AppError | null {
    const asked = new Set(hosts.map(({ name }) => name));
    const names = new Set(vms.map(({ name }) => name));
    const late = this.components.listed(namespace).find((vm) => !asked.has(vm.host) && names.has(vm.name));
    return late ? new AppError('conflict', `vm already exists with name \`${late.name}\` on ${late.host}`) : null;
  }

  /** With the holds there: VLANs, then VMs. */
  private async carryOut(
    launch: string,
    namespace: string,
    prepared: Prepared,
    options: LaunchOptions,
  ): Promise<LaunchOutcome> {
    const { vms, hosts } = prepared;
    const vlans = await this.resolveVlans(launch, namespace, vms, options);
    assertNotAborted(options.signal);
    const byHost = new Map<string, PlannedVm[]>();
    for (const { host, ...vm } of vms) {
      const planned = { ...vm, vlans: vm.config.networks.map((net) => vlans.numbers.get(net.vlan) ?? noVlan) };
      const own = byHost.get(host);
      if (own) own.push(planned);
      else byHost.set(host, [planned]);
    }
    const end = this.components.journal.begin(namespace, { total: vms.length, hosts: hosts.length });
    let outcomes: VmOutcome[] = [];
    const renewal = this.keepHolding(launch, namespace, prepared);
    try {
      const progress = countLaunched(options.status, vms.length);
      const launched = await Promise.all(
        hosts.flatMap((host) => {
          const own = byHost.get(host.name);
          return own ? [this.launchOn(host, { launch, namespace, vms: own }, options.signal, progress)] : [];
        }),
      );
      outcomes = launched.flatMap((one) => one.vms).sort((a, b) => compareNames(a.name, b.name));
      return {
        vms: outcomes,
        notes: [...new Set([...prepared.notes, ...vlans.notes, ...launched.flatMap(({ notes }) => notes)])],
      };
    } finally {
      const count = outcomes.filter(({ is }) => is === 'launched').length;
      end({ launched: count, failures: vms.length - count });
      await renewal.end();
    }
  }

  /** Each alias once, however many VMs name it. */
  private async resolveVlans(
    launch: string,
    namespace: string,
    vms: readonly PlacedVm[],
    { signal, status }: LaunchOptions,
  ) {
    const uses: VlanUser[] = [];
    this.vlanUses.set(launch, uses);
    const texts = [...new Set(vms.flatMap(({ config }) => config.networks.map(({ vlan }) => vlan)))];
    if (texts.length > 0) status(texts.length === 1 ? 'getting the VLAN' : `getting ${texts.length} VLANs`);
    const resolved = await Promise.allSettled(
      texts.map(async (text) => {
        const resolved = await this.components.vlans.resolve(text, namespace, { signal });
        const { vlan, alias } = resolved;
        for (const { name, config } of vms)
          for (const net of config.networks) if (net.vlan === text) uses.push({ vm: name, namespace, vlan, alias });
        return resolved;
      }),
    );
    const numbers = new Map<string, { vlan: number; alias: string }>();
    const notes: string[] = [];
    const errors: string[] = [];
    resolved.forEach((one, at) => {
      const text = texts[at] ?? '';
      if (one.status === 'rejected') errors.push(`VLAN ${text}: ${describeError(one.reason)}`);
      else {
        numbers.set(text, { vlan: one.value.vlan, alias: one.value.alias });
        notes.push(...one.value.notes);
      }
    });
    assertNotAborted(signal);
    if (errors.length > 0) throw new AppError('failed', errors.slice(0, 20).join('\n'));
    return { numbers, notes };
  }

  /** Has one host launch its VMs. Whatever the host does, each of them has one outcome. */
  private async launchOn(
    host: AskedHost,
    request: { launch: string; namespace: string; vms: readonly PlannedVm[] },
    signal: AbortSignal,
    progress: Progress,
  ): Promise<{ vms: VmOutcome[]; notes: string[] }> {
    let results: readonly Launched[];
    try {
      const limits = { clock: this.components.clock, signal, timeoutMs: silentLaunchMs, graceMs: cancelledMs };
      results = await callHost(host.name, limits, (own, touch) =>
        host.at.launch(request, {
          ...own,
          onProgress: (done, text) => {
            touch();
            progress(host.name, done, text);
          },
        }),
      );
    } catch (error) {
      return { vms: request.vms.map(({ name }) => failureOf(name, host.name, error)), notes: [] };
    }
    const byName = new Map(results.map((result) => [result.name, result]));
    const notes = results.flatMap((result) => result.notes.map((note) => `${host.name}: ${note}`));
    return { vms: request.vms.map(({ name }) => outcomeOf(name, host.name, byName.get(name))), notes };
  }

  /** Holds again before the holds end. Hosts decide for themselves, so a failure changes nothing. */
  private keepHolding(launch: string, namespace: string, { hosts, vms }: Prepared): { end: () => Promise<void> } {
    const { clock } = this.components;
    let renewing: Promise<unknown> = Promise.resolve();
    const renew = () => {
      const limits = { clock, signal: never, timeoutMs: holdMs };
      renewing = Promise.allSettled(
        hosts.map((host) =>
          callHost(host.name, limits, (own) => host.at.hold(holdOf(launch, namespace, vms, host.name), own)),
        ),
      );
      timer = clock.after(renewMs, renew);
    };
    let timer = clock.after(renewMs, renew);
    return {
      end: async () => {
        timer.cancel();
        // Released before it arrives, a hold would stay.
        await renewing;
      },
    };
  }

  private async release(launch: string, hosts: readonly AskedHost[]): Promise<void> {
    const limits = { clock: this.components.clock, signal: never, timeoutMs: releaseMs };
    // A hold ends after two minutes in any case.
    await Promise.allSettled(hosts.map((host) => callHost(host.name, limits, () => host.at.release(launch))));
  }
}

/** Each text once, with the hosts that it is true of. */
function warningsOf(surveys: readonly (readonly [host: string, survey: Survey])[]): string[] {
  const byText = new Map<string, string[]>();
  for (const [host, { warning }] of surveys) {
    if (warning !== '') byText.set(warning, [...(byText.get(warning) ?? []), host]);
  }
  return [...byText].map(([text, hosts]) => `${describeRange(hosts)}: ${text}`);
}

const noVlan = { vlan: -1, alias: '' };
const never = new AbortController().signal;

function assertNotAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw signal.reason instanceof AppError
    ? signal.reason
    : new AppError('cancelled', 'cancelled: nothing was launched');
}

function holdOf(launch: string, namespace: string, vms: readonly PlacedVm[], host: string): HoldRequest {
  return {
    launch,
    namespace,
    vms: vms.map(({ name, uuid, config }) => ({ name, uuid, macs: config.networks.map(({ mac }) => mac) })),
    here: vms
      .filter((vm) => vm.host === host)
      .map(({ name, config }) => ({
        name,
        vcpus: config.vcpus,
        memoryMb: config.memory,
        nets: config.networks.length,
      })),
  };
}

/** A host says which VMs it has no place for. */
function whyNotHeld(host: string, count: number, error: unknown): AppError {
  if (!(error instanceof AppError)) return new AppError('failed', `${host}: ${describeError(error)}`, { cause: error });
  const { vms } = error.detail ?? {};
  const issues =
    typeof vms === 'object' && vms !== null
      ? Object.entries(vms).map(([name, text]) => [name, String(text)] as const)
      : [];
  const text = issues.length === 0 ? error.message : describeIssues(new Map(issues), count);
  return new AppError(error.code, `${host}: ${text}`, { cause: error });
}

/** Codes of a host that looked at the request and did nothing. */
const refusals: ReadonlySet<string> = new Set(['invalid', 'refused', 'conflict', 'not-found']);

function failureOf(name: string, host: string, error: unknown): VmOutcome {
  const text = describeError(error);
  if (error instanceof AppError && refusals.has(error.code)) return { name, host, is: 'failed', error: text };
  return {
    name,
    host,
    is: 'unknown',
    error: `unknown, since ${host} did not say: ${text}. Look with \`vm info\` once it answers; it may have launched it`,
  };
}

function outcomeOf(name: string, host: string, result: Launched | undefined): VmOutcome {
  if (!result) return failureOf(name, host, new AppError('failed', 'its answer leaves this VM out'));
  if (result.error === '' && result.vm) return { name, host, is: 'launched', error: '' };
  const error = result.error === '' ? 'it is gone, and its host does not say why' : result.error;
  const stays = result.vm ? ` (it stays in the state ${result.vm.state}: \`vm flush\` removes it)` : '';
  return { name, host, is: 'failed', error: `${error}${stays}` };
}

/** Says the newest text once a second, so that a launch of a moment says nothing. */
async function withProgress<T>(
  { signal, status }: LaunchOptions,
  clock: Clock,
  does: (options: LaunchOptions) => Promise<T>,
): Promise<T> {
  let text = '';
  let timer: Timer | null = null;
  const say = (news: string) => {
    text = news;
    timer ??= clock.after(statusMs, () => {
      timer = null;
      status(text);
    });
  };
  try {
    return await does({ signal, status: say });
  } finally {
    (timer as Timer | null)?.cancel();
  }
}

type Progress = (host: string, done: number, text: string) => void;

/** `launched 3 of 16`, over all hosts; behind it what a host does before its next VM. */
function countLaunched(status: (text: string) => void, total: number): Progress {
  const done = new Map<string, number>();
  return (host, count, text) => {
    const isBetween = count === (done.get(host) ?? 0);
    done.set(host, count);
    const sum = [...done.values()].reduce((all, one) => all + one, 0);
    status(`launched ${sum} of ${total}${isBetween ? `; ${host}: ${text}` : ''}`);
  };
}
