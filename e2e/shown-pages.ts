// Every page of the build, for the tests that look at each of them.
export interface Shown {
  readonly name: string;
  /** As the build's manifest has it. */
  readonly route: string;
  readonly path: string;
  readonly heading: string | RegExp;
}

export const shown: readonly Shown[] = [
  { name: 'overview', route: '/', path: '/', heading: 'Overview' },
  { name: 'mesh', route: '/mesh', path: '/mesh', heading: 'Mesh' },
  { name: 'mesh-table', route: '/mesh', path: '/mesh?view=table', heading: 'Mesh' },
  { name: 'mesh-selected', route: '/mesh', path: '/mesh?view=both&node=node2', heading: 'Mesh' },
  { name: 'nodes', route: '/nodes', path: '/nodes', heading: 'Nodes' },
  { name: 'nodes-ticked', route: '/nodes', path: '/nodes?ticked=node[1-2]', heading: 'Nodes' },
  { name: 'nodes-none-found', route: '/nodes', path: '/nodes?q=nowhere', heading: 'Nodes' },
  { name: 'node', route: '/nodes/[name]', path: '/nodes/node2', heading: 'node2' },
  { name: 'node-unknown', route: '/nodes/[name]', path: '/nodes/node99', heading: 'No node is called node99' },
  { name: 'vms', route: '/vms', path: '/vms', heading: 'VMs' },
  { name: 'vm-unknown', route: '/vms/[node]/[vm]', path: '/vms/node2/99', heading: 'node2 has no VM 99' },
  { name: 'add-nodes', route: '/add-nodes', path: '/add-nodes', heading: 'Add nodes' },
  { name: 'add-nodes-login', route: '/add-nodes', path: '/add-nodes?step=login', heading: 'Add nodes' },
  {
    name: 'add-nodes-check',
    route: '/add-nodes',
    path: '/add-nodes?nodes=node2&install=yes&step=options',
    heading: 'Add nodes',
  },
  { name: 'remove-node', route: '/remove-node', path: '/remove-node?nodes=node4', heading: 'Remove nodes' },
  { name: 'replace-node', route: '/replace-node', path: '/replace-node?node=node4', heading: 'Replace node' },
  { name: 'attach', route: '/attach', path: '/attach?nodes=node4', heading: 'Attach to minimega' },
  { name: 'deploy', route: '/deploy', path: '/deploy?nodes=node[1-4]', heading: 'Deploy' },
  { name: 'deploy-mesh', route: '/deploy', path: '/deploy?nodes=node[1-4]&step=mesh', heading: 'Deploy' },
  { name: 'vlans', route: '/vlans', path: '/vlans', heading: 'VLANs' },
  { name: 'probe', route: '/vlans/probe', path: '/vlans/probe?vlans=100-102', heading: 'Probe' },
  {
    name: 'trace',
    route: '/vlans/trace',
    path: '/vlans/trace?from=web1&to=web2',
    heading: 'Trace a path',
  },
  { name: 'launch', route: '/launch', path: '/launch', heading: 'Launch VMs' },
  { name: 'launch-network', route: '/launch', path: '/launch?step=network', heading: 'Launch VMs' },
  { name: 'launch-places', route: '/launch', path: '/launch?step=places', heading: 'Launch VMs' },
  { name: 'captures', route: '/captures', path: '/captures', heading: 'Captures' },
  { name: 'runs', route: '/runs', path: '/runs', heading: 'Runs' },
  { name: 'run-unknown', route: '/runs/[run]', path: '/runs/none', heading: 'Run' },
  { name: 'terminal', route: '/terminal', path: '/terminal?node=node2', heading: 'Terminal' },
  { name: 'consoles', route: '/consoles', path: '/consoles', heading: 'Consoles' },
  {
    name: 'console-unknown',
    route: '/console/[node]/[name]',
    path: '/console/node2/web99',
    heading: 'No VM is called web99 on node2',
  },
  { name: 'settings', route: '/settings', path: '/settings', heading: 'Settings' },
  { name: 'settings-sessions', route: '/settings', path: '/settings?tab=sessions', heading: 'Settings' },
  { name: 'settings-keys', route: '/settings', path: '/settings?tab=keys', heading: 'Settings' },
  { name: 'settings-api', route: '/settings', path: '/settings?tab=api', heading: 'Settings' },
  { name: 'settings-audit', route: '/settings', path: '/settings?tab=audit', heading: 'Settings' },
  {
    name: 'passwordless-root',
    route: '/passwordless-root',
    path: '/passwordless-root?nodes=node4',
    heading: 'Root without a password',
  },
  { name: 'bridge', route: '/bridge', path: '/bridge?nodes=node[2-4]', heading: /[Bb]ridge/ },
  { name: 'bridge-remove', route: '/bridge/remove', path: '/bridge/remove?nodes=node[2-4]', heading: /[Bb]ridge/ },
  { name: 'rotate-key', route: '/rotate-key', path: '/rotate-key', heading: 'New console key' },
];
/** Visited by other tests; Next's own error page has no address. */
export const others: readonly string[] = ['/login', '/setup', '/_not-found', '/_global-error'];
