// Deploys one node: reach, hostkey, login, preflight, runtime, program, identity, service, hello, mesh. One SSH connection;
// one exec that looks, one per file that is missing, one that writes identity and unit and starts the service.
//
// INVARIANT: private keys travel on standard input only, and only after the host key was verified.
import { lookup } from 'node:dns/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { judgeIdentity } from '../../core/deploy/identity.ts';
import { describeTakenPort, findPreflightIssues } from '../../core/deploy/probe.ts';
import type { NodeProbe } from '../../core/deploy/probe.ts';
import { logsScript, startRefusedCode } from '../../host/scripts/deploy.ts';
import { scriptArgv } from '../../host/scripts/script-argv.ts';
import { planNodeWork } from '../../core/deploy/steps.ts';
import type { DeployStep, NodeWork } from '../../core/deploy/steps.ts';
import type { TarFile } from '../../core/deploy/tar.ts';
import { installedTree } from '../../core/deploy/tree.ts';
import { describeUnit } from '../../core/deploy/unit.ts';
import { runAsRoot } from '../../host/as-root.ts';
import { CommandError } from '../../host/runner.ts';
import type { RunResult } from '../../host/runner.ts';
import { SshConnection } from '../../host/ssh/connection.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';
import type { OwnTree, TreeFile } from '../../host/tree/own-tree.ts';
import {
  awaitUpgradeEnd,
  installService,
  neededGlibc,
  probeNode,
  sendTreeFile,
  targetOf,
  textFile,
} from '../../host/tree/send-tree.ts';
import type { RunThere } from '../../host/tree/send-tree.ts';
import type { DeployAuthority, DeployComponents, DeployMesh } from './types.ts';

/** What is the same for all nodes of one launch. */
export interface LaunchPlan {
  readonly tree: OwnTree;
  readonly authority: DeployAuthority;
  readonly credentials: SshCredentials;
  /** Flags of the nodes' daemons, one per element. */
  readonly flags: readonly string[];
  readonly basePath: string;
  readonly statePath: string;
  readonly meshPort: number;
  readonly degree: number;
  readonly stdoutPath: string | undefined;
  readonly stderrPath: string | undefined;
  /** The user who logs in on the node, and whether everything there runs through sudo. */
  readonly local: string;
  readonly user: string;
  readonly sudo: boolean;
  readonly sshPort: number;
}

const deadlinesMs = {
  /** From dialling to logged in; sshd resolves names and forks. */
  connect: 10_000,
  hello: 15_000,
  /** After this long without hello, deploy checks whether the daemon keeps ending or is only slow. */
  firstLook: 5_000,
  mesh: 20_000,
} as const;

export type NodeStatus = (text: string) => void;

/** Takes one node through the steps. One object per launch and node; call its methods in order, once each. */
export class NodeDeploy {
  /** As typed at first, then as the node calls itself. */
  name: string;
  step: DeployStep = 'reach';
  private readonly plan: LaunchPlan;
  private readonly components: DeployComponents;
  private readonly signal: AbortSignal;
  private readonly status: NodeStatus;
  /** Name as typed. */
  readonly typed: string;
  private connection: SshConnection | null = null;
  private probe: NodeProbe | null = null;
  private addresses: string[] = [];
  private work: NodeWork = { runtime: false, program: false, service: 'none' };
  /** Node id when the node's own identity is kept. */
  private keptId: string | null = null;
  /** Node id when it stays, and gets a new key and certificate. */
  private renewedId: string | null = null;
  private nodeId = '';

  constructor(
    options: { name: string; plan: LaunchPlan; signal: AbortSignal; status: NodeStatus },
    components: DeployComponents,
  ) {
    this.typed = options.name;
    this.name = options.name;
    this.plan = options.plan;
    this.signal = options.signal;
    this.status = options.status;
    this.components = components;
  }

  /** What the node's service needs; known after `prepare`. */
  get service(): NodeWork['service'] {
    return this.work.service;
  }

  /** Whether the node needs a change; known after `prepare`. */
  get changes(): boolean {
    return this.work.runtime || this.work.program || this.work.service !== 'none';
  }

  /** True for the node that deploys: it is in the mesh already, and its service is head-service.ts's. */
  get isSelf(): boolean {
    return (this.keptId ?? this.renewedId) === this.components.cluster.nodeId;
  }

  /** reach to program: every step that leaves running programs alone. */
  async prepare(): Promise<void> {
    await this.connect();
    await this.look();
    if (this.isSelf) return;
    await this.copy('runtime', this.plan.tree.runtime, this.work.runtime);
    await this.copy('program', this.plan.tree.program, this.work.program);
  }

  /** identity to mesh: admits the node, starts or upgrades its service, and waits until it is in the mesh. */
  async finish(): Promise<void> {
    if (this.isSelf) {
      this.step = 'mesh';
      return;
    }
    const action = this.work.service;
    if (action !== 'none') await this.install(action);
    else this.nodeId = this.keptId ?? '';
    if (action === 'upgrade') await this.awaitUpgrade();
    await this.awaitHello();
    await this.awaitMesh();
  }

  close(): void {
    this.connection?.close();
  }

  private async connect(): Promise<void> {
    const { plan, components } = this;
    this.enter('reach', 'connecting');
    try {
      this.connection = await SshConnection.connect(
        {
          target: { host: this.typed, port: plan.sshPort, user: plan.user },
          local: plan.local,
          timeoutMs: deadlinesMs.connect,
          signal: this.signal,
        },
        { pins: components.pins, credentials: plan.credentials },
      );
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('host-key')) this.step = 'hostkey';
      else if (error instanceof AppError && error.code === 'refused') this.step = 'login';
      throw error;
    }
    const { remoteAddress } = this.connection;
    const resolved = await lookup(this.typed, { all: true }).catch(() => []);
    this.addresses = [...new Set([remoteAddress, ...resolved.map(({ address }) => address)])].slice(0, 16);
  }

  private async look(): Promise<void> {
    const { plan } = this;
    this.enter('preflight');
    const probe = await probeNode(this.run, plan, plan.meshPort).catch((error: unknown) => {
      // Looking fails because of missing rights only when sudo asks for a password.
      if (error instanceof AppError && error.code === 'refused') this.step = 'login';
      throw error;
    });
    this.probe = probe;
    if (!probe.isRoot) {
      this.step = 'login';
      throw new AppError(
        'refused',
        `${plan.user} is not root on ${this.typed}: deploy launch ${this.typed} ${plan.user} sudo`,
      );
    }
    if (probe.name !== '' && probe.name.toLowerCase() !== this.typed.toLowerCase()) {
      this.status(`calls itself ${probe.name}`);
    }
    if (probe.name !== '') this.name = probe.name;
    this.judgeIdentity(probe);
    if (this.isSelf) return;
    this.work = planNodeWork(probe, targetOf(plan.tree, this.unitText()), this.keptId === null ? 'new' : 'keep');
    const issues = findPreflightIssues(probe, {
      arch: plan.tree.arch,
      glibc: neededGlibc,
      treeBytes: (this.work.runtime ? plan.tree.runtime.bytes : 0) + 4 * plan.tree.program.bytes,
      stateBytes: 16_000_000,
    });
    if (probe.manualPid !== null) {
      issues.push(
        `a meshd started by hand runs there (process ${probe.manualPid}): end it with "meshd -e quit" on ${this.name}`,
      );
    }
    const taken = describeTakenPort(probe, plan.meshPort);
    if (taken !== '' && probe.manualPid === null) issues.push(taken);
    if (issues.length > 0) throw new AppError('refused', `${this.name} cannot run meshd: ${issues.join('; ')}`);
  }

  /** Sets keptId and renewedId. @throws AppError when the node is someone else's. */
  private judgeIdentity(probe: NodeProbe): void {
    const { cluster, mesh } = this.components;
    const { certificate } = probe.identity;
    const known = certificate === null ? null : cluster.readCertificate(certificate);
    const verdict = judgeIdentity({
      name: this.name,
      addresses: this.addresses,
      statePath: this.plan.statePath,
      found: probe.identity,
      known: known && { ...known, validToMs: known.validTo.getTime() },
      cluster: cluster.cluster,
      roster: cluster.roster(),
      isInMesh: (nodeId) => mesh.has(nodeId),
      nowMs: Date.now(),
    });
    if (!verdict.ok) throw new AppError('refused', verdict.message);
    this.keptId = verdict.keep;
    this.renewedId = verdict.renew;
  }

  private async copy(step: 'runtime' | 'program', file: TreeFile, isMissing: boolean): Promise<void> {
    this.enter(step);
    if (!isMissing) return;
    await sendTreeFile(this.run, file, this.probe?.tools ?? new Set(), (share) => {
      this.status(`copying ${step} ${Math.floor(share * 100)}%`);
    });
  }

  private async install(action: 'start' | 'upgrade'): Promise<void> {
    const { plan, components } = this;
    this.enter('identity');
    const identity = this.keptId === null ? await this.admitAnew() : await this.admitAgain(this.keptId);
    this.enter('service', action === 'upgrade' ? 'upgrading' : 'starting');
    await installService(this.run, plan.tree, {
      ...plan,
      unit: this.unitText(),
      action,
      identity: [textFile('roster.json', JSON.stringify(components.cluster.signedRoster()), 0o600), ...identity],
    }).catch(async (error: unknown) => {
      const cause = error instanceof AppError ? error.cause : null;
      if (!(cause instanceof CommandError) || cause.exitCode !== startRefusedCode) throw error;
      const [said = ''] = cause.stderr.trim().split('\n');
      throw await this.startFailure(`systemd on ${this.name} does not start meshd: ${said}`);
    });
  }

  private async admitAnew(): Promise<TarFile[]> {
    const { cluster, mesh } = this.components;
    const holder = cluster.roster().nodes.find((node) => node.name.toLowerCase() === this.name.toLowerCase());
    if (holder && holder.id !== this.renewedId && mesh.has(holder.id)) {
      throw new AppError(
        'conflict',
        `${this.typed} calls itself ${this.name}, and another ${this.name} (${holder.addresses[0] ?? 'no address'}) is in the ` +
          `mesh: give one of them another name (hostnamectl set-hostname), then deploy again`,
      );
    }
    const keys = cluster.createNodeKeys();
    const nodeId = this.renewedId ?? keys.nodeId;
    const issued = await this.plan.authority.issue({ nodeId, publicKey: keys.publicKeyPem });
    await this.admit(nodeId, issued.keyHash, holder?.id);
    return [
      textFile('node.key', keys.privateKeyPem, 0o600),
      textFile('ca.crt', cluster.caPem, 0o600),
      textFile('node.crt', issued.certificatePem, 0o600),
    ];
  }

  private async admitAgain(nodeId: string): Promise<TarFile[]> {
    const entry = this.components.cluster.roster().nodes.find((node) => node.id === nodeId);
    const isSame =
      entry?.name === this.name &&
      entry.port === this.plan.meshPort &&
      JSON.stringify(entry.addresses) === JSON.stringify(this.addresses);
    if (entry && !isSame) await this.admit(nodeId, entry.keyHash);
    this.nodeId = nodeId;
    return [];
  }

  private async admit(nodeId: string, keyHash: string, replaces?: string): Promise<void> {
    this.nodeId = nodeId;
    await this.plan.authority.admit(
      { id: nodeId, name: this.name, addresses: this.addresses, port: this.plan.meshPort, keyHash, state: 'member' },
      replaces,
    );
  }

  private async awaitUpgrade(): Promise<void> {
    const { outcome, journal } = await awaitUpgradeEnd(this.run);
    if (outcome === 'done') return;
    if (outcome === 'rolled-back') {
      throw new AppError(
        'failed',
        `program ${this.plan.tree.program.hash} gave no hello on ${this.name} within 15 s; its previous program ` +
          `${this.probe?.current ?? ''} runs again${journal}`,
        { detail: { rolledBack: true } },
      );
    }
    throw new AppError(
      outcome === 'running' ? 'timeout' : 'failed',
      `the upgrade of ${this.name} did not end well (${outcome || 'no outcome'}): look at deploy logs ${this.name}${journal}`,
      { detail: { rolledBack: outcome === 'failed' } },
    );
  }

  private async awaitHello(): Promise<void> {
    const { mesh } = this.components;
    this.enter('hello', 'waiting for hello');
    const startedAt = performance.now();
    let looked = this.work.service !== 'start';
    for (;;) {
      const leftMs = deadlinesMs.hello - (performance.now() - startedAt);
      if (leftMs <= 0) throw await this.startFailure(`meshd on ${this.name} gave no hello within 15 s`);
      if (mesh.has(this.nodeId)) {
        try {
          const hello = await mesh.hello(this.nodeId, { timeoutMs: Math.min(leftMs, 3_000), signal: this.signal });
          if (hello.program === '' || hello.program === this.plan.tree.program.hash) return;
        } catch (error) {
          if (this.signal.aborted) throw error;
        }
        await this.pause(100);
        continue;
      }
      if (!looked && performance.now() - startedAt > deadlinesMs.firstLook) {
        looked = true;
        const { stdout } = await this.logs(15);
        if (Number(/^NRestarts=(\d+)/m.exec(stdout)?.[1] ?? 0) >= 2) {
          throw await this.startFailure(`meshd on ${this.name} does not stay up`);
        }
      }
      await this.meshChange(Math.min(leftMs, looked ? leftMs : 1_000));
    }
  }

  private async startFailure(what: string): Promise<AppError> {
    const said = await this.logs(15).then(
      ({ stdout }) => stdout.trim(),
      (error: unknown) => `its journal is not readable: ${describeError(error)}`,
    );
    return new AppError('failed', `${what}:\n${said}`);
  }

  private logs(lines: number): Promise<RunResult> {
    return this.run(scriptArgv(logsScript, [String(lines)]), { timeoutMs: 10_000 });
  }

  private async awaitMesh(): Promise<void> {
    const { mesh } = this.components;
    this.enter('mesh', 'waiting for the mesh');
    const startedAt = performance.now();
    for (;;) {
      const wanted = Math.min(Math.max(1, this.plan.degree), mesh.size() - 1);
      const held = mesh.has(this.nodeId) ? mesh.links(this.nodeId) : 0;
      if (held >= wanted) return;
      const leftMs = deadlinesMs.mesh - (performance.now() - startedAt);
      if (leftMs <= 0) {
        throw new AppError(
          'timeout',
          `${this.name} runs, and holds ${held} of ${wanted} mesh links after ${deadlinesMs.mesh / 1000} s: ` +
            `is TCP port ${this.plan.meshPort} open between the nodes?`,
        );
      }
      await this.meshChange(leftMs);
    }
  }

  private meshChange(timeoutMs: number): Promise<void> {
    return nextMeshChange(this.components.mesh, timeoutMs, this.signal);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  private enter(step: DeployStep, text?: string): void {
    this.signal.throwIfAborted();
    this.step = step;
    if (text !== undefined) this.status(text);
  }

  private unitText(): string {
    const { flags, stdoutPath, stderrPath } = this.plan;
    return describeUnit({ command: `${installedTree}/bin/meshd`, flags, stdoutPath, stderrPath });
  }

  private readonly run: RunThere = async (argv, options) => {
    if (!this.connection) throw new AppError('unreachable', `${this.typed} is not connected`);
    return runAsRoot(this.connection, this.plan, argv, { signal: this.signal, ...options });
  };
}

/** Waits for the next change in the mesh, at most so long. @throws AppError when cancelled */
function nextMeshChange(mesh: DeployMesh, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearTimeout(timer);
      stop();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const timer = setTimeout(() => end(resolve), timeoutMs);
    const stop = mesh.onChange(() => end(resolve));
    const onAbort = () => end(() => reject(signal.reason as AppError));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
