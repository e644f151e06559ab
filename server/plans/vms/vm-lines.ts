// Lines about the VMs of one step, on the node that the console is attached to. VMs are named by the UUIDs that the plan gave them: what is there under
// another UUID is somebody else's, whatever its name.
import { createHash } from 'node:crypto';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import type { StepVms } from '../../../core/plans/vms/actions.ts';
import { namesOf } from '../../../core/plans/vms/form.ts';
import { lineOf } from '../../../core/plans/vms/settings.ts';
import { uuidOfHash, uuidText } from '../../../core/vms/launch-uuid.ts';
import type { StepContext } from '../../runs/executor.ts';
import type { ActionParts } from '../action.ts';

/** No VM has it. With it a line names several, so that VMs which the action does not fit are left out, and no host is silent. */
const nobody = '00000000-0000-0000-0000-000000000000';
const lookMs = 30_000;

export interface SeenVm {
  readonly name: string;
  readonly uuid: string;
  readonly state: string;
  readonly reason: string;
}

export function uuidOf(launch: string, name: string): string {
  return uuidOfHash(createHash('sha256').update(uuidText(launch, name)).digest('hex'));
}

/** What a host said is wrong, with its name. */
export function described({ Host, Error: error }: ResponseEntry): string {
  return error.startsWith(Host) ? error : `${Host}: ${error}`;
}

export type LineParts = Pick<ActionParts, 'commands' | 'caller'>;

/** Runs a line on the attached node. Progress is logged. */
export function runLine(
  cluster: string,
  line: string,
  {
    timeoutMs = lookMs,
    node = '',
    onStatus,
  }: {
    readonly timeoutMs?: number;
    readonly node?: string;
    readonly onStatus?: (text: string) => void;
  },
  context: Pick<StepContext, 'signal'>,
  { commands, caller }: LineParts,
): Promise<readonly ResponseEntry[]> {
  const { signal } = context;
  return commands.run({ cluster, node, line, timeoutMs, caller, signal, onStatus: (text) => onStatus?.(text) });
}

/** The VMs of a step. */
export class StepLines {
  readonly names: readonly string[];
  private readonly uuids: ReadonlyMap<string, string>;
  private readonly vms: StepVms;
  private readonly context: StepContext;
  private readonly parts: LineParts;

  constructor(vms: StepVms, context: StepContext, parts: LineParts) {
    this.vms = vms;
    this.context = context;
    this.parts = parts;
    this.names = namesOf(vms.names);
    this.uuids = new Map(this.names.map((name) => [name, uuidOf(vms.uuids, name)]));
  }

  /** Those of them that are there, by name. @throws AppError `unreachable` when their node does not say */
  async look(): Promise<ReadonlyMap<string, SeenVm>> {
    const entries = await this.run(['state'], this.names, lookMs);
    const own = entries.find(({ Host }) => Host === this.vms.node);
    if (!own) {
      throw new AppError(
        'unreachable',
        `${this.vms.node} is not a host of ${this.vms.namespace} now: \`namespace ${this.vms.namespace} ns add-hosts ${this.vms.node}\`, then again`,
      );
    }
    if (own.Error !== '') throw new AppError('unreachable', described(own));
    const byUuid = new Map([...this.uuids].map(([name, uuid]) => [uuid, name]));
    const seen = (own.Tabular ?? []).flatMap(([, uuid = '', state = '', reason = '']) => {
      const name = byUuid.get(uuid);
      return name === undefined ? [] : [[name, { name, uuid, state, reason }] as const];
    });
    return new Map(seen);
  }

  /** Does something to these VMs. @returns what went wrong with each, by name; empty for those that are well */
  async act(
    action: 'start' | 'kill' | 'flush',
    names: readonly string[],
    timeoutMs: number,
  ): Promise<Map<string, string>> {
    if (names.length === 0) return new Map();
    const entries = await this.run([action], names, timeoutMs);
    const own = entries.find(({ Host }) => Host === this.vms.node)?.Error ?? '';
    const errors = new Map<string, string>();
    for (const line of own.split('\n').filter((text) => text !== '')) {
      const [, name, text] = /^([^\s:]+): (.*)$/.exec(line) ?? [];
      const isVm = name !== undefined && this.uuids.has(name);
      errors.set(isVm ? name : '', isVm ? (text ?? line) : line);
    }
    return errors;
  }

  private run(
    words: readonly string[],
    names: readonly string[],
    timeoutMs: number,
  ): Promise<readonly ResponseEntry[]> {
    const targets = [...names.map((name) => this.uuids.get(name) ?? nobody), nobody].join(',');
    const line = lineOf('namespace', this.vms.namespace, 'vm', ...words, targets);
    return runLine(this.vms.cluster, line, { timeoutMs }, this.context, this.parts);
  }
}
