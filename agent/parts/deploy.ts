// The `deploy` commands: meshd on other machines, over SSH.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Flags } from '../../core/flags.ts';
import { localRunner } from '../../host/runner.ts';
import { loadCredentials } from '../../host/ssh/credentials.ts';
import { HostKeyPins } from '../../host/ssh/pins.ts';
import { createDeployHandlers } from '../commands/deploy.ts';
import { Deployer } from '../deploy/deployer.ts';
import { createDeployCluster, createDeployMesh, serveHello } from '../deploy/ports.ts';
import type { DeployLogin } from '../deploy/types.ts';
import type { ClusterState } from '../identity/identity.ts';
import type { Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { SettingsFile } from '../settings.ts';
import { meshdVersion } from '../version.ts';
import type { Part } from './part.ts';

export interface DeployPartOptions {
  readonly host: string;
  readonly flags: Flags;
  readonly stateFolder: string;
  readonly programPath: string;
}

export function createDeployPart(
  { host, flags, stateFolder, programPath }: DeployPartOptions,
  { mesh, cluster, settings, log }: { mesh: Mesh; cluster: ClusterState; settings: SettingsFile; log: Log },
): Part & { readonly deployer: Deployer } {
  const components = {
    flags: (): Flags => ({ ...flags, degree: mesh.degree }),
    cluster: createDeployCluster(cluster),
    mesh: createDeployMesh(mesh),
    pins: new HostKeyPins({
      ownFile: join(stateFolder, 'known_hosts'),
      otherFiles: [join(homedir(), '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'],
    }),
    credentials: () => loadCredentials(homedir(), { agentSocket: process.env['SSH_AUTH_SOCK'] }),
    runner: localRunner,
    logins: { last: () => settings.login, keep: (login: DeployLogin) => settings.update({ login }) },
    log: log.info,
  };
  const options = { host, stateFolder, programPath, sshPort: 22, parallel: 16, installsHead: true };
  const deployer = new Deployer(options, components);
  serveHello(mesh, {
    version: meshdVersion,
    programPath,
    isHead: () => cluster.head !== null && cluster.roster.roster.head === cluster.identity.nodeId,
  });
  return {
    deployer,
    handlers: createDeployHandlers(options, components, deployer),
    kinds: [],
    stop: () => {
      deployer.stop();
    },
  };
}
