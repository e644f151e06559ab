// The layers of ARCHITECTURE.md as rules. `A <- B` there reads: B may import A. Each rule here forbids everything else.
// scripts/import-rules proves with a fixture per rule that each of them can fail.

/** Which of our folders each folder may import, beside itself. */
const mayImport = {
  contract: [],
  core: ['contract'],
  host: ['contract', 'core'],
  agent: ['contract', 'core', 'host'],
  server: ['contract', 'core', 'host'],
  cli: ['contract', 'core', 'host', 'server'],
  lib: ['contract', 'core'],
  components: ['contract', 'core', 'lib'],
  app: ['contract', 'core', 'lib', 'components'],
};
const reasons = {
  contract: 'what crosses a process boundary depends on nothing of ours',
  core: 'decisions know the contract only',
  host: 'what touches a Linux host serves every layer above and knows none of them',
  agent: 'meshd is shipped to nodes: nothing of the console may come along',
  server: 'the console talks to meshd over the command socket only',
  cli: 'meshdeck is a client of the contract, or runs the server in its own process',
  lib: 'browser glue runs in browsers',
  components: 'components see the contract through lib',
  app: 'routes are thin',
};
const folders = Object.keys(mayImport);

module.exports = {
  forbidden: [
    ...folders.map((folder) => ({
      name: `layers-${folder}`,
      comment: reasons[folder],
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: '\\.test\\.tsx?$' },
      to: {
        path: `^(${[...folders, 'lab', 'bench', 'e2e', 'scripts'].join('|')})/`,
        pathNot: `^(${[folder, ...mayImport[folder]].join('|')})/`,
      },
    })),
    {
      name: 'server-host-only-where-it-acts',
      comment: 'host is for plans, ssh and engines; all else in the server goes through them',
      severity: 'error',
      from: { path: '^server/', pathNot: ['^server/(plans|ssh|engines)/', '\\.test\\.ts$'] },
      // Writing atomic files does nothing on a node.
      to: { path: '^host/', pathNot: '^host/files\\.ts$' },
    },
    {
      name: 'engines-behind-their-interface',
      comment: 'fleet, runs and pages know server/engines/engine.ts; no part of one engine is imported elsewhere',
      severity: 'error',
      from: { path: '^server/', pathNot: ['^server/engines/', '\\.test\\.ts$'] },
      to: { path: '^server/engines/[^/]+/' },
    },
    {
      name: 'meshd-only-where-it-is-run',
      comment: 'meshd itself is for those who start it; all else talks to it through an engine or the contract',
      severity: 'error',
      from: {
        path: '^[a-z]+/',
        pathNot: '^((agent|host|lab|bench|e2e|scripts|server/engines/meshd)/|.*\\.test\\.tsx?$)',
      },
      to: { path: '^agent/' },
    },
    {
      name: 'runs-know-no-kind',
      comment: 'what carries plans out serves every kind: what one kind alone knows is a hook of its registration',
      severity: 'error',
      from: {
        path: ['^server/runs/', '^core/plans/[^/]+\\.ts$'],
        pathNot: ['\\.test\\.ts$', '^core/plans/kinds\\.ts$'],
      },
      to: { path: ['^server/(plans|ssh)/', '^core/plans/kinds\\.ts$', '^core/plans/[^/]+/'] },
    },
    {
      name: 'core-without-node',
      comment: 'core has no I/O: no node: import',
      severity: 'error',
      from: { path: '^core/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'contract-without-node',
      comment: 'the contract also loads in a browser',
      severity: 'error',
      from: { path: '^contract/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'processes-below-host',
      comment:
        'child_process and ssh2 appear only below host/, where quoting, deadlines and pins live in one tested place',
      severity: 'error',
      from: { path: '^[a-z]+/', pathNot: '^host/' },
      to: { path: ['^(node:)?child_process$', 'node_modules/ssh2/', '^ssh2$'] },
    },
    {
      name: 'sql-in-the-store',
      comment: 'Prisma and SQL stay in server/store',
      severity: 'error',
      from: { path: '^[a-z]+/', pathNot: '^((server/store|prisma)/|scripts/prisma-schema-engine)' },
      to: { path: ['node_modules/(@prisma|better-sqlite3)/', '^better-sqlite3$', '^@prisma/'] },
    },
    {
      name: 'tests-are-leaves',
      comment: 'nothing imports a test',
      severity: 'error',
      from: {},
      to: { path: '\\.(test|e2e|drill)\\.tsx?$' },
    },
    {
      name: 'no-circular',
      comment: 'files tell their story from top to bottom',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-resolvable',
      comment: 'every import resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Prisma decides the layout of its generated client.
    doNotFollow: { path: ['node_modules', '^server/store/client/'] },
    // The fixture breaks every rule on purpose; check.ts cruises it alone, from inside.
    exclude: { path: '^scripts/import-rules/fixture/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: `${__dirname}/tsconfig.json` },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'types'],
    },
  },
};
