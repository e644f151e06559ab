import { describe, expect, it } from 'vitest';
import { responseEntry } from '../../contract/command-socket.ts';
import type { Role } from '../../contract/roles.ts';
import { readKeys } from './keys.ts';
import {
  answerText,
  openSession,
  type Session,
  type SessionEffect,
  type SessionEvent,
  stepSession,
} from './session.ts';

/** Feeds what a keyboard sends; collects what it leads to. */
function driver(history: readonly string[] = [], role: Role = 'admin') {
  let session: Session = openSession('node1', { role, history, columns: 40 });
  const effects: SessionEffect[] = [];
  const step = (event: SessionEvent) => {
    const next = stepSession(session, event);
    session = next.session;
    effects.push(...next.effects);
  };
  return {
    step,
    type: (data: string) => readKeys(data).forEach((key) => step({ kind: 'key', key })),
    end: (error = '', isLost = false) => step({ kind: 'ended', error, isLost }),
    session: () => session,
    runs: () => effects.flatMap((effect) => (effect.kind === 'run' ? [effect.line] : [])),
    kinds: () => effects.map(({ kind }) => kind),
    output: () => effects.map((effect) => (effect.kind === 'write' ? effect.output : '')).join(''),
  };
}

describe('a terminal session', () => {
  it('sends nothing that its reader may not run, nested or not', () => {
    const terminal = driver([], 'viewer');
    terminal.type('mesh degree 4\rmesh send all mesh degree 4\rquit\recho $HOME\r');
    expect(terminal.runs()).toEqual([]);
    expect(terminal.output()).toContain('`mesh degree 4` needs the role admin, and this is a viewer');
    terminal.type('mesh degree\r');
    expect(terminal.runs()).toEqual(['mesh degree']);
  });

  it('runs a line and comes back to the prompt when it ended', () => {
    const terminal = driver();
    terminal.type('mesh status\r');
    expect(terminal.runs()).toEqual(['mesh status']);
    expect(terminal.session().isRunning).toBe(true);
    terminal.end();
    expect(terminal.session()).toMatchObject({ isRunning: false, line: { text: '', history: ['mesh status'] } });
  });

  it('runs the lines of a paste one after the other and leaves the last part in the line', () => {
    const terminal = driver();
    terminal.type('\u001b[200~mesh list\rhost\rmesh \u001b[201~');
    expect(terminal.runs()).toEqual(['mesh list']);
    terminal.end();
    expect(terminal.runs()).toEqual(['mesh list', 'host']);
    terminal.end();
    expect(terminal.runs()).toHaveLength(2);
    expect(terminal.session().line.text).toBe('mesh ');
  });

  it('cancels the running command at Ctrl-C and drops what waits behind it', () => {
    const terminal = driver();
    terminal.type('\u001b[200~mesh list\rhost\r\u001b[201~');
    terminal.type('\u0003');
    expect(terminal.kinds()).toContain('cancel');
    terminal.end('cancelled');
    expect(terminal.runs()).toEqual(['mesh list']);
    expect(terminal.output()).toContain('cancelled');
  });

  it('drops what waits when the node was lost, but not when a command failed', () => {
    const lost = driver();
    lost.type('\u001b[200~a\rb\r\u001b[201~');
    lost.end('node1 does not answer', true);
    expect(lost.runs()).toEqual(['a']);
    const failed = driver();
    failed.type('\u001b[200~a\rb\r\u001b[201~');
    failed.end('no such command', false);
    expect(failed.runs()).toEqual(['a', 'b']);
  });

  it('keeps what is typed while a command runs', () => {
    const terminal = driver();
    terminal.type('mesh list\r');
    terminal.type('hos');
    terminal.end();
    expect(terminal.session().line.text).toBe('hos');
  });

  it('drops the line at Ctrl-C when nothing runs', () => {
    const terminal = driver();
    terminal.type('mesh revoke node3\u0003');
    expect(terminal.session().line.text).toBe('');
    expect(terminal.runs()).toEqual([]);
  });

  it('asks before `quit` reaches the daemon, every time', () => {
    const terminal = driver();
    terminal.type('quit\r');
    expect(terminal.runs()).toEqual([]);
    terminal.type('host\r');
    terminal.end();
    terminal.type('quit\r');
    expect(terminal.runs()).toEqual(['host']);
    terminal.type('quit\r');
    expect(terminal.runs()).toEqual(['host', 'quit']);
  });

  it('completes what stands before the cursor', () => {
    const terminal = driver();
    terminal.type('mesh st\t');
    expect(terminal.kinds()).toContain('suggest');
    terminal.step({ kind: 'suggested', text: 'mesh st', found: ['mesh status '] });
    expect(terminal.session().line).toMatchObject({ text: 'mesh status ', cursor: 12 });
  });

  it('applies what is typed before the answer to Tab to the completed line', () => {
    const terminal = driver();
    for (const data of ['mesh st', '\t', '\r', 'host']) terminal.type(data);
    expect(terminal.runs()).toEqual([]);
    terminal.step({ kind: 'suggested', text: 'mesh st', found: ['mesh status '] });
    expect(terminal.runs()).toEqual(['mesh status']);
    terminal.end();
    expect(terminal.session().line.text).toBe('host');
  });

  it('takes Ctrl-C at once, and drops an answer to what stood there before', () => {
    const terminal = driver();
    terminal.type('mesh st\tus\u0003');
    expect(terminal.session()).toMatchObject({ held: null, line: { text: '' } });
    terminal.type('mes');
    terminal.step({ kind: 'suggested', text: 'mesh st', found: ['mesh status '] });
    expect(terminal.session().line.text).toBe('mes');
  });

  it('lists the words when nothing more is common', () => {
    const terminal = driver();
    terminal.type('mesh ');
    terminal.step({ kind: 'suggested', text: 'mesh ', found: ['mesh degree ', 'mesh list ', 'mesh status '] });
    expect(terminal.output()).toMatch(/degree +list +status/);
    expect(terminal.session().line.text).toBe('mesh ');
  });

  it('finds an older line at Ctrl-R, an older one still at the second', () => {
    const terminal = driver(['mesh list', 'host', 'mesh status']);
    terminal.type('\u0012mesh');
    expect(terminal.session().line.text).toBe('mesh status');
    terminal.type('\u0012');
    expect(terminal.session().line.text).toBe('mesh list');
    terminal.type('\r');
    expect(terminal.runs()).toEqual(['mesh list']);
  });

  it('shows control characters of a node instead of obeying them', () => {
    const rendered = 'ok \u001b]0;owned\u0007\u001b[2J\u009b1A\u202etxt';
    const text = answerText({ Resp: null, Rendered: rendered, More: false, Status: false });
    expect(text).toBe('ok ^[]0;owned^G^[[2J<009b>1A<202e>txt\n');
  });

  it('prints errors of hosts after the text, in red and made safe', () => {
    const Resp = [responseEntry('node\u001b2', { Error: 'no\u001b[m' })];
    const text = answerText({ Resp, Rendered: '', More: false, Status: false });
    expect(text).toBe('\u001b[31mError (node^[2): no^[[m\u001b[0m\n');
  });
});
