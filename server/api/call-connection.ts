// The connection of one call over plain HTTP: what is pushed during the call is part of its answer.
import type { ApiEvent } from '../../contract/api.ts';
import type { BrowserEvents, MethodName } from '../../contract/browser.ts';
import type { Credential } from '../auth/auth.ts';
import type { Connection } from '../hub/dispatcher.ts';
import type { Lane } from '../hub/lanes.ts';

export interface CallConnection extends Connection {
  /** What was pushed until now; null when it was more than `maxEventBytes`. */
  events(): readonly ApiEvent[] | null;
  /** The call has its answer, or the client is gone. */
  close(): void;
}

export function createCallConnection(
  { id, credential, maxEventBytes }: { id: string; credential: Credential; maxEventBytes: number },
  lanes: Map<MethodName, Lane>,
): CallConnection {
  const abort = new AbortController();
  const follows = new Map<string, () => void>();
  let events: ApiEvent[] = [];
  let bytes = 0;
  return {
    id,
    credential,
    signal: abort.signal,
    follows,
    callsInFlight: 0,
    lanes,
    room: () => Promise.resolve(),
    emit<Name extends keyof BrowserEvents>(event: Name, data: BrowserEvents[Name]) {
      bytes += JSON.stringify(data).length;
      if (bytes > maxEventBytes) events = [];
      else events.push({ event, data });
    },
    // Its answer is the snapshot; what comes later is for `events`.
    joinFleet: () => undefined,
    leaveFleet: () => undefined,
    // The answer says the reason.
    end: () => undefined,
    events: () => (bytes > maxEventBytes ? null : events),
    close() {
      abort.abort();
      for (const end of [...follows.values()]) end();
      follows.clear();
    },
  };
}
