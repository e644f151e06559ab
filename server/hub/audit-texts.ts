// What the audit log says of each method that changes something: the same act as a command where there is one, else in words, and where it acts. No secret
// can get in: each text names the fields it takes.
import { browserMethods, type BrowserMethods, type MethodName } from '../../contract/browser.ts';
import type { InputOf } from '../../contract/method.ts';
import { maskLine } from '../../core/commands/mask.ts';
import { shellWord } from '../../core/plans/step.ts';
import type { Runs } from '../ports.ts';

export interface AuditText {
  readonly what: string;
  /** Nodes, or `console`. */
  readonly where: string;
}

type Describers = {
  readonly [Name in MethodName]?: (input: InputOf<BrowserMethods[Name]>) => Promise<AuditText | null>;
};

/** Blank lines and comments do nothing on a node. */
function isEmptyCommand(line: string): boolean {
  return line.split('\n').every((part) => /^\s*(?:#.*)?$/.test(part));
}

const clip = (text: string) => (text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);
/** What only the pages do. */
const inWords = (what: string) => Promise.resolve({ what, where: 'console' });
const onConsole = (...words: string[]) =>
  Promise.resolve({ what: ['meshdeck', ...words.map(shellWord)].join(' '), where: 'console' });

export function createAuditTexts(components: {
  runs: Pick<Runs, 'describe'>;
  userName: (id: string) => Promise<string>;
}): (name: MethodName, input: unknown) => Promise<AuditText | null> {
  const onRun = async (verb: string, id: string): Promise<AuditText> => {
    const found = await components.runs.describe(id);
    const nodes = found?.nodes.join(',') ?? '';
    // A command names each address; the log needs to show which plan it was.
    const what = verb === 'start' && found ? clip(found.command) : `meshdeck runs ${verb} ${shellWord(id)}`;
    return { what, where: nodes === '' ? 'console' : nodes };
  };
  const describers: Describers = {
    'runs.start': ({ plan }) => onRun('start', plan),
    'runs.cancel': ({ run }) => onRun('cancel', run),
    'runs.retry': ({ run }) => onRun('retry', run),
    'runs.undo': ({ run }) => onRun('undo', run),
    'runs.answer': async ({ run, step, answer }) => {
      const { where } = await onRun('answer', run);
      return { what: `answer ${answer ? 'yes' : 'no'} to "${step}" of run ${run}`, where };
    },
    'runs.signal': async ({ run, step, signal }) => {
      const text = await onRun('signal', run);
      return { ...text, what: `${text.what} ${shellWord(step)} ${signal}` };
    },
    'runs.provideSecrets': async ({ run }) => ({
      ...(await onRun('secrets', run)),
      what: `give secrets to run ${run}`,
    }),
    'command.run': ({ node, line }) =>
      Promise.resolve(isEmptyCommand(line) ? null : { what: clip(maskLine(line)), where: node }),
    'users.create': ({ name, email, role }) => inWords(`add the user ${name} <${email}> as ${role}`),
    'users.setRole': async ({ user, role }) => inWords(`make ${await components.userName(user)} ${role}`),
    'users.setPassword': async ({ user }) => inWords(`set a new password for ${await components.userName(user)}`),
    'users.remove': async ({ user }) => inWords(`remove the user ${await components.userName(user)}`),
    'session.changePassword': () => inWords('change the own password'),
    'sessions.revokeOthers': () => inWords('log out everywhere else'),
    'ca.keep': ({ cluster }) => onConsole('ca', 'keep', ...(cluster === '' ? [] : [cluster])),
    'tokens.create': ({ name }) => inWords(`make the token ${name}`),
    'tokens.revoke': ({ token }) => inWords(`revoke the token ${token}`),
  };
  return (name, input) => {
    const describe = describers[name] as ((input: unknown) => Promise<AuditText | null>) | undefined;
    if (describe) return describe(input);
    return onConsole(...browserMethods[name].name.split('.'));
  };
}
