// The dispatcher with the console's own parts behind it: one for all ways in, sockets and HTTP.
import type { Log } from '../ports.ts';
import { createAuditTexts } from './audit-texts.ts';
import { Dispatcher } from './dispatcher.ts';
import { createHandlers, type HandlerComponents } from './handlers.ts';

export interface DispatcherOptions {
  readonly log: Log;
  readonly version: string;
  readonly isSimulated: boolean;
  readonly now: () => number;
}

export function createConsoleDispatcher(
  { log, now, version, isSimulated }: DispatcherOptions,
  components: HandlerComponents,
): Dispatcher {
  const { auth, audit, runs } = components;
  const userName = async (id: string) => (await auth.users()).find((user) => user.id === id)?.email ?? id;
  return new Dispatcher(
    { log, now },
    {
      handlers: createHandlers({ version, isSimulated }, components),
      audit,
      describe: createAuditTexts({ runs, userName }),
      callerOf: (credential) => auth.callerOf(credential),
    },
  );
}
