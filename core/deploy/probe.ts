// What one look at a node shows: the text that scripts.ts's probe prints (key=value lines), parsed, and whether the node can run
// meshd at all.

export interface NodeProbe {
  /** Short hostname, as the node says itself. */
  readonly name: string;
  /** As `uname -m` prints it. */
  readonly machine: string;
  readonly isRoot: boolean;
  /** `2.36`, or null where the C library is not glibc. */
  readonly glibc: string | null;
  readonly hasSystemd: boolean;
  readonly tools: ReadonlySet<string>;
  /** Free bytes where the program tree and the state will lie. */
  readonly freeTreeBytes: number;
  readonly freeStateBytes: number;
  /** Size in bytes by hash. */
  readonly runtimes: ReadonlyMap<string, number>;
  readonly programs: ReadonlyMap<string, number>;
  /** Program hash that the link `current` names, or null. */
  readonly current: string | null;
  readonly unitHash: string | null;
  readonly service: { readonly activeState: string; readonly unitFileState: string; readonly mainPid: number };
  /** Process id of a live meshd that is not the service's, or null. */
  readonly manualPid: number | null;
  /** The process that listens on the mesh port if it is not our meshd; 0 and '' where the node cannot tell. */
  readonly portHolder: { readonly pid: number; readonly name: string } | null;
  readonly identity: {
    /** PEM, or null. */
    readonly certificate: string | null;
    readonly caCertificate: string | null;
    /** SHA-256 of node.key's public half (SPKI, DER), hex; null without a key, '' where the node cannot tell. */
    readonly keyHash: string | null;
    /** The node made its own cluster: it holds a CA key. */
    readonly holdsCa: boolean;
  };
}

/** Parses the probe's output. A line it does not know is skipped; a missing one reads as absent. */
export function parseProbe(text: string): NodeProbe {
  const values = new Map<string, string>();
  const files: { bytes: number; path: string }[] = [];
  const tools = new Set<string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at < 1) continue;
    const key = line.slice(0, at);
    const value = line.slice(at + 1).trim();
    if (key === 'tool') tools.add(value);
    else if (key === 'file') {
      const [, bytes, path] = /^(\d+) (.*)$/.exec(value) ?? [];
      if (bytes !== undefined && path !== undefined) files.push({ bytes: Number(bytes), path });
    } else values.set(key, value);
  }
  const value = (key: string) => values.get(key) ?? '';
  const orNull = (key: string) => (value(key) === '' ? null : value(key));
  const byHash = (pattern: RegExp) =>
    new Map(
      files.flatMap(({ bytes, path }) => {
        const hash = pattern.exec(path)?.[1];
        return hash === undefined ? [] : [[hash, bytes] as const];
      }),
    );
  const decoded = (key: string) => {
    const encoded = orNull(key);
    return encoded === null ? null : decodeBase64(encoded);
  };
  const mainPid = Number(value('MainPID')) || 0;
  const runningPid = Number(value('running_pid')) || 0;
  const [, holder, holderName = ''] = /^(\d+) ?(.*)$/.exec(value('port_holder')) ?? [];
  const holderPid = Number(holder);
  const isOurs = holderPid !== 0 && (holderPid === mainPid || holderPid === runningPid);
  return {
    name: value('name'),
    machine: value('machine'),
    isRoot: value('uid') === '0',
    glibc: /^glibc ([\d.]+)$/.exec(value('glibc'))?.[1] ?? null,
    hasSystemd: value('systemd') === 'yes',
    tools,
    freeTreeBytes: Number(value('free_tree_kb')) * 1024,
    freeStateBytes: Number(value('free_state_kb')) * 1024,
    runtimes: byHash(/\/runtime\/([0-9a-f]{16})\/node$/),
    programs: byHash(/\/program\/([0-9a-f]{16})\/meshd\.mjs$/),
    current: /^program\/([0-9a-f]{16})$/.exec(value('current'))?.[1] ?? null,
    unitHash: orNull('unit_hash'),
    service: { activeState: value('ActiveState'), unitFileState: value('UnitFileState'), mainPid },
    manualPid: runningPid !== 0 && runningPid !== mainPid ? runningPid : null,
    portHolder: holder === undefined || isOurs ? null : { pid: holderPid, name: holderName.slice(0, 40) },
    identity: {
      certificate: decoded('node_crt'),
      caCertificate: decoded('ca_crt'),
      keyHash: values.has('key_hash') ? value('key_hash') : null,
      holdsCa: value('holds_ca') === 'yes',
    },
  };
}

/** PEM is ASCII, so that each byte is a character. */
function decodeBase64(text: string): string {
  try {
    return atob(text);
  } catch {
    return '';
  }
}

/** What the runtime needs of a node. */
export interface RuntimeNeeds {
  /** `x64` or `arm64`, as Node names it. */
  readonly arch: string;
  /** Lowest glibc that Node's binary runs with: 2.28 for official builds since 18. */
  readonly glibc: string;
  /** Free bytes in the tree's file system when the runtime has to be copied. */
  readonly treeBytes: number;
  readonly stateBytes: number;
}

const machineByArch: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** The tools that the scripts call beside the shell and its builtins. */
const neededTools = ['gzip', 'tar', 'sha256sum', 'base64', 'timeout', 'systemctl'];

/** What stands in the way of running meshd on a node, in words for its administrator; empty when nothing does. */
export function findPreflightIssues(probe: NodeProbe, needs: RuntimeNeeds): string[] {
  const issues: string[] = [];
  const machine = machineByArch[needs.arch] ?? needs.arch;
  if (probe.machine !== machine) {
    issues.push(`its CPU is ${probe.machine || 'unknown'}, the runtime here is for ${machine}`);
  }
  if (probe.glibc === null) issues.push(`it has no glibc (musl?); the runtime needs glibc ${needs.glibc} or newer`);
  else if (compareVersions(probe.glibc, needs.glibc) < 0) {
    issues.push(`its glibc is ${probe.glibc}; the runtime needs ${needs.glibc} or newer`);
  }
  if (!probe.hasSystemd) issues.push('systemd does not run there; meshd is started as its service');
  const missing = neededTools.filter((tool) => !probe.tools.has(tool));
  if (missing.length > 0) issues.push(`it has no ${missing.join(', ')}: install them`);
  if (probe.freeTreeBytes < needs.treeBytes) {
    issues.push(`${megabytes(probe.freeTreeBytes)} free below /opt, ${megabytes(needs.treeBytes)} needed`);
  }
  if (probe.freeStateBytes < needs.stateBytes) {
    issues.push(`${megabytes(probe.freeStateBytes)} free for state, ${megabytes(needs.stateBytes)} needed`);
  }
  if (!/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(probe.name)) {
    issues.push(`its hostname "${probe.name}" is not a node name; set one with hostnamectl`);
  }
  return issues;
}

/** Empty where the port is free, or meshd's. */
export function describeTakenPort({ portHolder }: Pick<NodeProbe, 'portHolder'>, port: number): string {
  if (portHolder === null) return '';
  const { pid, name } = portHolder;
  const by = pid === 0 ? '' : ` by ${name || 'a program'} (process ${pid})`;
  return `port ${port} is taken${by}: end that program, or choose another mesh port`;
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6)} MB`;
}

/** Negative when a is the older one. Dotted numbers. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
