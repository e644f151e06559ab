'use client';
// xterm around the terminal's state machine: it hands over keys, writes what comes out, and runs the calls.
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { AppError, describeError } from '../../contract/errors.ts';
import type { FleetCluster } from '../../contract/fleet.ts';
import type { Role } from '../../contract/roles.ts';
import { useConsole } from '../../lib/use-console.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { readKeys } from './keys.ts';
import { languageOf } from './language.ts';
import { openXterm } from './open-xterm.ts';
import { openSession, type SessionEvent, stepSession } from './session.ts';
import { keepHistory, loadHistory } from './stored-history.ts';

/** A command may take this long; Ctrl-C ends it earlier. */
const commandTimeoutMs = 600_000;

export interface NodeTerminalProps {
  /** Null until the fleet is known. */
  readonly cluster: string | null;
  readonly engine?: FleetCluster['Engine'];
  readonly node: string;
  /** Null until the reader is known. */
  readonly role: Role | null;
}

export function NodeTerminal({ cluster, engine = 'meshd', node, role }: NodeTerminalProps): ReactElement {
  const console = useConsole();
  const commands = console?.commands ?? null;
  const box = useRef<HTMLDivElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const [failure, setFailure] = useState('');
  useEffect(() => {
    const element = box.current;
    if (!element || !commands || cluster === null || role === null) return;
    let isGone = false;
    const ends: (() => void)[] = [];
    const open = async () => {
      const opened = await openXterm(element, { isShell: false, isGone: () => isGone });
      if (!opened) return;
      const { terminal } = opened;
      const target = { cluster, node, session: crypto.randomUUID() };
      const language = await languageOf(engine);
      if (isGone) return;
      let session = openSession(node, { role, history: loadHistory(cluster), columns: terminal.cols, language });
      let running: AbortController | null = null;

      const dispatch = (event: SessionEvent) => {
        const next = stepSession(session, event);
        const history = next.session.line.history;
        if (history !== session.line.history) keepHistory(cluster, history);
        session = next.session;
        for (const effect of next.effects) {
          if (effect.kind === 'write') terminal.write(effect.output);
          else if (effect.kind === 'clear') terminal.clear();
          else if (effect.kind === 'cancel') running?.abort();
          else if (effect.kind === 'run') void run(effect.line);
          else void suggest(effect.text);
        }
      };
      const run = async (line: string) => {
        const abort = new AbortController();
        running = abort;
        let error = '';
        let isLost = false;
        try {
          await commands.run(target, line, {
            timeoutMs: commandTimeoutMs,
            signal: abort.signal,
            onAnswer: (answer) => {
              if (!isGone) dispatch({ kind: 'answer', answer });
            },
          });
        } catch (thrown) {
          error = describeError(thrown);
          isLost = thrown instanceof AppError && (thrown.code === 'unreachable' || thrown.code === 'timeout');
        }
        running = null;
        if (!isGone) dispatch({ kind: 'ended', error, isLost });
      };
      const suggest = async (text: string) => {
        const found = await commands.suggest(target, text);
        if (!isGone) dispatch({ kind: 'suggested', text, found });
      };

      const onData = terminal.onData((data) => {
        for (const key of readKeys(data)) dispatch({ kind: 'key', key });
      });
      const onResize = terminal.onResize(({ cols }) => {
        dispatch({ kind: 'resized', columns: cols });
      });
      ends.push(() => {
        running?.abort();
        onResize.dispose();
        onData.dispose();
        opened.dispose();
      });
      dispatch({ kind: 'open', greeting: greetingOf(role, engine) });
      setIsOpen(true);
      terminal.focus();
    };
    open().catch((error: unknown) => {
      if (!isGone) setFailure(describeError(error));
    });
    return () => {
      isGone = true;
      setIsOpen(false);
      for (const end of ends) end();
    };
  }, [commands, cluster, engine, node, role]);
  if (failure !== '') {
    return (
      <div className="px-4 md:px-6">
        <Notice
          state="bad"
          role="alert"
          title={`The terminal of ${node} did not open`}
          action={<Button onClick={() => window.location.reload()}>Reload the page</Button>}
        >
          {failure}. Reload the page. If that does not help, see whether the console still runs; the same commands work
          on the node itself with meshd -attach.
        </Notice>
      </div>
    );
  }
  return (
    <Box>
      {isOpen ? null : <Waiting for={node} />}
      <div
        ref={box}
        role="group"
        aria-label={`Terminal of ${node}`}
        className="min-h-0 min-w-[calc(80ch+1.25rem)] flex-1"
      />
    </Box>
  );
}

/** The terminal's place, before it is known of which node. */
export function Connecting({ to }: { to: string }): ReactElement {
  return (
    <Box>
      <Waiting for={to} />
    </Box>
  );
}

// Tables of answers are made for a terminal's 80 columns: on a narrow screen it scrolls sideways, or each row would wrap.
function Box({ children }: { children: ReactNode }): ReactElement {
  return (
    <div className="relative mx-4 mb-4 flex min-h-64 flex-1 scroller overflow-y-hidden rounded-md border bg-surface-1 p-2 font-mono text-[13px] md:mx-6">
      {children}
    </div>
  );
}

function Waiting({ for: what }: { for: string }): ReactElement {
  return (
    <p role="status" className="absolute top-2 left-2 flex items-center gap-2 text-fg-2">
      <Spinner />
      Connecting to {what}…
    </p>
  );
}

/** In lines that fit a phone: xterm loses rows that wrapped when the terminal takes its size. */
function greetingOf(role: Role, engine: string): string {
  const lines = [`Commands for ${engine}, not for a shell.`, 'Tab completes, `help` explains,', 'Ctrl-C cancels.'];
  if (role === 'viewer') lines.push('You may look: commands that change', 'something are refused.');
  return lines.map((line) => `${line}\n`).join('');
}
