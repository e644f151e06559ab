// Another node as the place of VMs: VmHost over requests of the mesh, and this node's own side of them. SPEC section H.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { maxLaunchRequestBytes, maxMeshTimeoutMs, maxVmsPerNode } from '../../contract/limits.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { RequestResult } from '../mesh/requests.ts';
import type {
  CallOptions,
  HoldRequest,
  Launched,
  LaunchRequest,
  PlannedVm,
  Survey,
  SurveyRequest,
  VmHost,
} from './vm-host.ts';
import {
  configFromWire,
  configToWire,
  HoldAnswer,
  HoldAsk,
  holdKind,
  holdAskMs,
  LaunchAnswer,
  LaunchAsk,
  launchKind,
  Progress,
  progressKind,
  ReleaseAsk,
  releaseKind,
  SurveyAnswer,
  SurveyAsk,
  surveyKind,
  surveyMs,
} from './wire.ts';

type Listeners = Map<string, (progress: z.infer<typeof Progress>) => void>;

export type VmHostMesh = Pick<Mesh, 'nodeId' | 'nameOf' | 'request' | 'serve' | 'notify' | 'onNotice'>;

/** The hosts of VMs, by id of their node; this node is `own`. */
export class VmHosts {
  private readonly components: { readonly mesh: VmHostMesh; readonly own: VmHost; readonly root: string };
  /** Launches of this node, by node that runs VMs of them and their id. */
  private readonly listeners: Listeners = new Map();

  /** `root`: -filepath of this node. */
  constructor(components: VmHosts['components']) {
    this.components = components;
    const { mesh } = components;
    mesh.onNotice(progressKind, (body, from) => {
      const progress = Progress.safeParse(body).data;
      if (progress) this.listeners.get(`${from.nodeId} ${progress.launch}`)?.(progress);
    });
    this.serve();
  }

  of(nodeId: string): VmHost {
    const { mesh, own, root } = this.components;
    if (nodeId === mesh.nodeId) return own;
    return new RemoteVmHost(nodeId, { mesh, root, listeners: this.listeners });
  }

  private serve(): void {
    const { mesh, own, root } = this.components;
    mesh.serve(surveyKind, (body, { signal }) => {
      const { namespace, configs } = parse(SurveyAsk, body);
      return own.survey({ namespace, configs: configs.map((config) => configFromWire(config, root)) }, { signal });
    });
    mesh.serve(holdKind, async (body, { signal, from }) => {
      const ask = parse(HoldAsk, body);
      try {
        await own.hold({ ...ask, launch: `${from.nodeId} ${ask.launch}` }, { signal });
        return { problems: null };
      } catch (error) {
        const problems = error instanceof AppError && error.code === 'conflict' ? error.detail?.['vms'] : undefined;
        if (problems === undefined) throw error;
        return { problems };
      }
    });
    // A member releases its own launches alone.
    mesh.serve(releaseKind, async (body, { from }) => {
      await own.release(`${from.nodeId} ${parse(ReleaseAsk, body).launch}`);
    });
    mesh.serve(launchKind, async (body, { from, signal }) => {
      const ask = parse(LaunchAsk, body);
      const vms = ask.vms.map((vm) => ({ ...vm, config: configFromWire(vm.config, root) }));
      const launched = await own.launch(
        { ...ask, launch: `${from.nodeId} ${ask.launch}`, vms },
        {
          signal,
          onProgress: (done, text) => {
            mesh.notify([from.nodeId], progressKind, {
              launch: ask.launch,
              part: ask.part,
              done,
              text: text.slice(0, 1_000),
            });
          },
        },
      );
      return { launched };
    });
  }
}

class RemoteVmHost implements VmHost {
  readonly name: string;
  private readonly nodeId: string;
  private readonly components: {
    readonly mesh: VmHostMesh;
    readonly root: string;
    readonly listeners: Listeners;
  };

  constructor(nodeId: string, components: RemoteVmHost['components']) {
    this.nodeId = nodeId;
    this.components = components;
    this.name = components.mesh.nameOf(nodeId);
  }

  async survey(request: SurveyRequest, { signal }: CallOptions): Promise<Survey> {
    const configs = request.configs.map((config) => configToWire(config, this.components.root));
    return this.ask(surveyKind, { ...request, configs }, { shape: SurveyAnswer, timeoutMs: surveyMs, signal });
  }

  async hold(request: HoldRequest, { signal }: CallOptions): Promise<void> {
    const { problems } = await this.ask(holdKind, request, { shape: HoldAnswer, timeoutMs: holdAskMs, signal });
    if (problems === null) return;
    const [first] = Object.values(problems);
    throw new AppError('conflict', first ?? `${this.name} does not take the launch`, { detail: { vms: problems } });
  }

  async release(launch: string): Promise<void> {
    await this.ask(releaseKind, { launch }, { shape: z.unknown(), timeoutMs: holdAskMs });
  }

  async launch(
    request: LaunchRequest,
    { signal, onProgress }: CallOptions & { readonly onProgress?: (done: number, text: string) => void },
  ): Promise<readonly Launched[]> {
    const { listeners, root } = this.components;
    const key = `${this.nodeId} ${request.launch}`;
    // Each part counts for itself.
    const done = new Map<number, number>();
    listeners.set(key, (progress) => {
      done.set(progress.part, progress.done);
      const sum = [...done.values()].reduce((all, one) => all + one, 0);
      onProgress?.(sum, progress.text);
    });
    try {
      const vms = request.vms.map((vm) => ({ ...vm, config: configToWire(vm.config, root) }));
      const parts = inParts(vms).map((each, part) => this.launchPart({ ...request, part, vms: each }, signal));
      return (await Promise.all(parts)).flat();
    } finally {
      listeners.delete(key);
    }
  }

  private async launchPart(
    request: LaunchRequest & { readonly part: number },
    signal: AbortSignal,
  ): Promise<readonly Launched[]> {
    try {
      const options = { shape: LaunchAnswer, timeoutMs: maxMeshTimeoutMs, signal };
      const { launched } = await this.ask(launchKind, request, options);
      const byName = new Map(launched.map((each) => [each.name, each]));
      return request.vms.map(({ name }) => byName.get(name) ?? unknown(name, `${this.name} says nothing about it`));
    } catch (error) {
      const why = error instanceof AppError ? error.message : String(error);
      return request.vms.map(({ name }) => unknown(name, why));
    }
  }

  private async ask<T>(
    kind: string,
    body: unknown,
    { shape, timeoutMs, signal }: { shape: z.ZodType<T>; timeoutMs: number; signal?: AbortSignal },
  ): Promise<T> {
    const options = { timeoutMs, ...(signal ? { signal } : {}) };
    const results = await this.components.mesh.request([this.nodeId], kind, body, options);
    const result: RequestResult = results.get(this.nodeId) ?? { ok: false, code: 'failed', message: 'no answer' };
    if (!result.ok) throw new AppError(result.code, `${this.name}: ${result.message}`);
    const answer = shape.safeParse(result.body);
    if (!answer.success)
      throw new AppError('failed', `${this.name}: its answer has no known shape: bring both nodes to one version`);
    return answer.data;
  }
}

/** A request was sent, and its answer did not come. */
const unknown = (name: string, why: string): Launched => ({
  name,
  vm: null,
  error: `${why}; what became of ${name} is not known: look with vm info`,
  notes: [],
});

/** VMs in requests that a frame holds, as does the answer. */
function inParts(vms: readonly PlannedVm[]): PlannedVm[][] {
  const parts: PlannedVm[][] = [];
  let part: PlannedVm[] = [];
  let bytes = 0;
  for (const vm of vms) {
    const size = JSON.stringify(vm).length;
    if (part.length > 0 && (bytes + size > maxLaunchRequestBytes || part.length >= maxVmsPerNode)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(vm);
    bytes += size;
  }
  return part.length > 0 ? [...parts, part] : parts;
}

/** @throws AppError `invalid` */
function parse<T>(shape: z.ZodType<T>, body: unknown): T {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError(
    'invalid',
    `the request has no known shape: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}
