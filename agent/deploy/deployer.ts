// Deploy as the commands see it: the settings of `deploy flags|stdout|stderr`, launches, host keys, a node's journal. One
// per daemon; its settings end with the daemon, as in minimega.
import { AppError, describeError } from '../../contract/errors.ts';
import { logsScript } from '../../host/scripts/deploy.ts';
import { scriptArgv } from '../../host/scripts/script-argv.ts';
import { deployFlags, parseFlags, statePathOf } from '../../core/flags.ts';
import { SshConnection } from '../../host/ssh/connection.ts';
import { acceptHostKeys, observeHostKeys } from './host-keys.ts';
import type { HostKeyRow } from './host-keys.ts';
import { Launch, Launches } from './launch.ts';
import { moveAuthority } from './move-ca.ts';
import { runAsRoot } from '../../host/as-root.ts';
import { openOwnTree } from '../../host/tree/own-tree.ts';
import type { DeployAuthority, DeployComponents, DeployLogin, DeployOptions } from './types.ts';

export interface LaunchRequest {
  readonly hosts: readonly string[];
  readonly user: string;
  readonly sudo: boolean;
}

export class Deployer {
  private readonly options: DeployOptions;
  private readonly components: DeployComponents;
  private readonly launches = new Launches();
  private readonly ended = new AbortController();
  /** How the last launch logged in: later commands on its nodes log in the same way. */
  private login: DeployLogin;
  private ownFlags: readonly string[] | null = null;
  private stdoutPath: string | undefined;
  private stderrPath: string | undefined;

  constructor(options: DeployOptions, components: DeployComponents) {
    this.options = options;
    this.components = components;
    this.login = components.logins?.last() ?? { user: 'root', sudo: false };
  }

  /** The flags that a deployed meshd is started with, one per element. */
  flags(): readonly string[] {
    if (this.ownFlags === null) return deployFlags(this.components.flags(), this.options.host);
    return this.ownFlags.some((flag) => flag.includes('nostdin')) ? this.ownFlags : [...this.ownFlags, '-nostdin=true'];
  }

  /** Replaces the flags, or goes back to this daemon's own with null. @throws AppError `invalid` for a flag meshd lacks */
  setFlags(flags: readonly string[] | null): void {
    if (flags !== null) assertFlags(flags);
    this.ownFlags = flags;
  }

  /** Where a deployed meshd's output goes; undefined is the journal. */
  outputPath(stream: 'stdout' | 'stderr'): string | undefined {
    return stream === 'stdout' ? this.stdoutPath : this.stderrPath;
  }

  /** @throws AppError `invalid` unless the path is absolute: systemd takes no other. */
  setOutputPath(stream: 'stdout' | 'stderr', path: string): void {
    if (!path.startsWith('/') || path.includes('\n')) {
      throw new AppError('invalid', `deploy ${stream}: ${path} is not an absolute path on the nodes`);
    }
    if (stream === 'stdout') this.stdoutPath = path;
    else this.stderrPath = path;
  }

  /** Joins the launch of the same request, or starts one. @throws AppError `refused` elsewhere than on the head */
  async launch(request: LaunchRequest): Promise<{ launch: Launch; joined: boolean }> {
    const authority = this.authority();
    const result = await this.launches.join(request, () => this.openLaunch(request, authority));
    const { user, sudo } = request;
    if (user !== this.login.user || sudo !== this.login.sudo) {
      this.login = { user, sudo };
      await this.components.logins?.keep(this.login).catch((error: unknown) => {
        this.components.log(`how deploy logs in to nodes: ${describeError(error)}`);
      });
    }
    return result;
  }

  async observeHostKeys(node: string, signal: AbortSignal): Promise<HostKeyRow[]> {
    const { sshPort } = this.options;
    return observeHostKeys(node, { sshPort, local: await this.localIdentity(), signal }, this.components);
  }

  async acceptHostKeys(node: string, fingerprints: readonly string[], signal: AbortSignal): Promise<HostKeyRow[]> {
    const { sshPort } = this.options;
    return acceptHostKeys(node, fingerprints, { sshPort, local: await this.localIdentity(), signal }, this.components);
  }

  /** State of a node's service and the last lines of its journal. */
  async logs(node: string, signal: AbortSignal): Promise<string> {
    const script = scriptArgv(logsScript, ['100']);
    if (node.toLowerCase() === this.options.host.toLowerCase()) {
      return (await runAsRoot(this.components.runner, { user: 'root', sudo: false }, script, { signal })).stdout;
    }
    const connection = await SshConnection.connect(
      {
        target: { host: node, port: this.options.sshPort, user: this.login.user },
        local: await this.localIdentity(),
        signal,
      },
      { pins: this.components.pins, credentials: await this.components.credentials() },
    );
    try {
      return (await runAsRoot(connection, this.login, script, { signal })).stdout;
    } finally {
      connection.close();
    }
  }

  /** Makes another member the head. The other node has the same base as this one. */
  async moveAuthority(
    name: string,
    parts: { caFolder: string; moveHead: (nodeId: string) => Promise<void> },
  ): Promise<void> {
    await moveAuthority(
      name,
      {
        caFolder: parts.caFolder,
        remoteState: this.options.stateFolder,
        sshPort: this.options.sshPort,
        login: this.login,
        local: await this.localIdentity(),
        signal: this.ended.signal,
      },
      { ...this.components, moveHead: parts.moveHead },
    );
  }

  /** Cancels what runs, at the daemon's end. */
  stop(): void {
    this.launches.stop();
    this.ended.abort(new AppError('cancelled', 'this meshd is ending'));
  }

  private async openLaunch(request: LaunchRequest, authority: DeployAuthority): Promise<Launch> {
    const flags = this.flags();
    const parsed = assertFlags(flags);
    const { context } = this.components.cluster.roster();
    if (parsed.context !== context) {
      // A restart with this flag would take every node of the launch out of the mesh.
      throw new AppError(
        'invalid',
        `deploy flags say -context=${parsed.context}, and this cluster's context is ${context}: meshd would refuse to start; ` +
          `add -context=${context} to deploy flags, or go back with \`clear deploy flags\``,
      );
    }
    const [tree, credentials, local] = await Promise.all([
      openOwnTree(this.options.programPath),
      this.components.credentials(),
      this.localIdentity(),
    ]);
    return new Launch(
      request.hosts,
      {
        tree,
        authority,
        credentials,
        flags,
        basePath: parsed.base,
        statePath: statePathOf(parsed.base),
        meshPort: parsed.port,
        degree: parsed.degree,
        stdoutPath: this.stdoutPath,
        stderrPath: this.stderrPath,
        local,
        user: request.user,
        sudo: request.sudo,
        sshPort: this.options.sshPort,
      },
      this.options,
      this.components,
    );
  }

  /** @throws AppError `refused` naming the head. */
  private authority(): DeployAuthority {
    const authority = this.components.cluster.authority();
    if (authority) return authority;
    const roster = this.components.cluster.roster();
    const head = roster.nodes.find((node) => node.id === roster.head)?.name ?? 'the head node';
    throw new AppError('refused', `deploy runs on ${head}, which holds the CA`);
  }

  private async localIdentity(): Promise<string> {
    const { stdout } = await this.components.runner.run(['id', '-un']);
    return `${stdout.trim()}@${this.options.host}`;
  }
}

function assertFlags(flags: readonly string[]) {
  const parsed = parseFlags(flags);
  if (!parsed.ok) throw new AppError('invalid', `deploy flags: ${parsed.message}`);
  const [extra] = parsed.rest;
  if (extra !== undefined) throw new AppError('invalid', `deploy flags: ${extra} is not a flag`);
  return parsed.flags;
}
