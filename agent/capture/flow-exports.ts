// Flows of bridges: Open vSwitch tells each bridge's to one place, so captures of the same bridge share what it tells.
import { AppError, describeError } from '../../contract/errors.ts';
import { readNetflow } from '../../core/capture/netflow.ts';
import type { CaptureHost, FlowExport } from '../../host/capture/capture-host.ts';
import type { FlowTarget } from './flow-target.ts';
import type { CaptureRun, RunEvents } from './run.ts';

interface Listener {
  readonly take: (datagram: Uint8Array) => void;
}

interface Shared {
  readonly listeners: Set<Listener>;
  /** Null once it failed to begin. */
  export: Promise<FlowExport>;
}

export interface FlowRunOptions {
  readonly id: number;
  readonly bridge: string;
  readonly mode: 'raw' | 'ascii';
  readonly maxBytes: number;
}

export class FlowExports {
  private readonly host: Pick<CaptureHost, 'exportFlows'>;
  private readonly shared = new Map<string, Shared>();
  private seconds = 10;

  constructor(host: Pick<CaptureHost, 'exportFlows'>) {
    this.host = host;
  }

  get timeoutSeconds(): number {
    return this.seconds;
  }

  /** For all bridges, as in minimega. @throws AppError */
  async setTimeout(seconds: number): Promise<void> {
    this.seconds = seconds;
    await Promise.all([...this.shared.values()].map(async (shared) => (await shared.export).setTimeout(seconds)));
  }

  /** @throws AppError when the bridge tells nothing; the target is closed then */
  async start(
    { id, bridge, mode, maxBytes }: FlowRunOptions,
    { target, events }: { readonly target: FlowTarget; readonly events: RunEvents },
  ): Promise<CaptureRun> {
    let flows = 0;
    let isOver = false;
    let turn: Promise<void> = Promise.resolve();
    const finish = (state: 'ended' | 'failed', reason: string) => {
      if (isOver) return;
      isOver = true;
      events.onEnd(state, reason);
    };
    const write = async (datagram: Uint8Array): Promise<void> => {
      const found = readNetflow(datagram);
      if (isOver || found === null) return;
      const bytes = mode === 'ascii' ? Buffer.from(found.text, 'latin1') : datagram;
      if (target.bytes + bytes.length > maxBytes) {
        finish('ended', `the file has its ${maxBytes / 1e6} MB`);
        return;
      }
      try {
        await target.write(bytes);
        flows += found.count;
        events.onGrow({ packets: flows, bytes: target.bytes });
      } catch (error) {
        finish('failed', describeError(error));
      }
    };
    let waiting = 0;
    const listener: Listener = {
      take: (datagram) => {
        // A disk that hangs holds no memory of ours.
        if (waiting >= 1_000) return;
        waiting += 1;
        turn = turn.then(() => write(datagram)).finally(() => (waiting -= 1));
      },
    };
    try {
      await this.join(id, bridge, listener);
    } catch (error) {
      await target.close();
      throw error;
    }
    return {
      stop: async () => {
        try {
          await this.leave(bridge, listener);
          await turn;
        } finally {
          isOver = true;
          await target.close();
        }
        return { packets: flows, bytes: target.bytes, dropped: null };
      },
    };
  }

  private async join(id: number, bridge: string, listener: Listener): Promise<void> {
    let shared = this.shared.get(bridge);
    if (!shared) {
      const listeners = new Set<Listener>();
      const onDatagram = (datagram: Uint8Array) => {
        for (const each of listeners) each.take(datagram);
      };
      shared = {
        listeners,
        export: this.host.exportFlows({ id, bridge, timeoutSeconds: this.seconds, onDatagram }),
      };
      this.shared.set(bridge, shared);
    }
    shared.listeners.add(listener);
    try {
      await shared.export;
    } catch (error) {
      shared.listeners.delete(listener);
      if (this.shared.get(bridge) === shared) this.shared.delete(bridge);
      throw error instanceof AppError ? error : new AppError('failed', describeError(error));
    }
  }

  private async leave(bridge: string, listener: Listener): Promise<void> {
    const shared = this.shared.get(bridge);
    if (!shared?.listeners.delete(listener) || shared.listeners.size > 0) return;
    this.shared.delete(bridge);
    await (await shared.export).stop();
  }
}
