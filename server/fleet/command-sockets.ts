// Connections on which users run lines. A session (one terminal) keeps its own, since `namespace x` and `.csv true` hold for
// a connection; lines without a session borrow one that nothing was set on. Owns that nobody meets another's settings, and
// that forgotten connections end.
import type { ParsedCommand } from '../../core/commands/types.ts';
import type { Engine, EngineConnection, OpenOptions } from '../engines/engine.ts';
import type { NodeRoute } from '../engines/route.ts';

/** How long an unused terminal keeps its settings. */
const sessionIdleMs = 15 * 60_000;
const borrowedIdleMs = 30_000;
const aliveTimeoutMs = 2_000;
/** Connections that wait for the next line, in all; the longest unused is ended first. */
const maxIdle = 64;

interface Idle {
  readonly connection: EngineConnection;
  readonly key: string;
  readonly timer: NodeJS.Timeout;
}

export class CommandSockets {
  /** In the order of their last use. */
  private idle: Idle[] = [];
  private isClosed = false;

  /**
   * A connection for `session` (empty: a clean one) on this route. `isReset`: the session had one, which is gone with all
   * that was set on it. @throws AppError when the node is not reached
   */
  async take(
    engine: Engine,
    route: NodeRoute,
    { session, ...options }: OpenOptions & { readonly session: string },
  ): Promise<{ connection: EngineConnection; isReset: boolean }> {
    const key = `${route.key}\0${session}`;
    let isReset = false;
    for (;;) {
      const found = this.idle.findLast((each) => each.key === key);
      if (!found) break;
      this.remove(found);
      // Nobody reads an idle connection, so nobody noticed whether it is still open.
      if (await isAlive(found.connection)) return { connection: found.connection, isReset: false };
      isReset = session !== '';
    }
    return { connection: await engine.open(route, options), isReset };
  }

  /** Gives it back. One without a session is kept only if the line set nothing on it. */
  giveBack(route: NodeRoute, session: string, connection: EngineConnection, { isClean }: { isClean: boolean }): void {
    if (connection.isClosed) return;
    if (this.isClosed || (session === '' && !isClean)) {
      connection.close();
      return;
    }
    const timer = setTimeout(
      () => {
        this.remove(entry);
        connection.close();
      },
      session === '' ? borrowedIdleMs : sessionIdleMs,
    );
    timer.unref();
    const entry: Idle = { connection, key: `${route.key}\0${session}`, timer };
    this.idle.push(entry);
    const [oldest] = this.idle;
    if (this.idle.length > maxIdle && oldest) {
      this.remove(oldest);
      oldest.connection.close();
    }
  }

  close(): void {
    this.isClosed = true;
    for (const { connection, timer } of this.idle) {
      clearTimeout(timer);
      connection.close();
    }
    this.idle = [];
  }

  private remove(entry: Idle): void {
    clearTimeout(entry.timer);
    this.idle = this.idle.filter((each) => each !== entry);
  }
}

async function isAlive(connection: EngineConnection): Promise<boolean> {
  if (connection.isClosed) return false;
  try {
    await connection.greet({ deadline: AbortSignal.timeout(aliveTimeoutMs) });
    return true;
  } catch {
    connection.close();
    return false;
  }
}

/** Whether a command leaves something set on its connection: flags, namespace, aliases; the script of `read` may. */
export function setsConnection(command: ParsedCommand): boolean {
  const { pattern } = command.pattern;
  if (command.nested) return setsConnection(command.nested);
  return /^(\.|namespace|clear namespace|read )/.test(pattern);
}
