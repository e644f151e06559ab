// Who logs in to a machine the first time, and by what: fields, secrets and issues that wizards with such a login share.
import { textOf } from './form-values.ts';
import type { FormValues, Issue, SecretValues } from './wizard-state.ts';

export const firstLogin: FormValues = { user: 'root', port: '22', login: 'password' };

/** Fields of the page that shows FirstLogin. */
export const loginFields: readonly string[] = ['user', 'port', 'login', 'password', 'key', 'passphrase'];

export function isByKey(form: FormValues): boolean {
  return form['login'] === 'key';
}

/** By the names that planners use, for all nodes at once. Only what belongs to the way that was chosen. */
export function loginSecrets(form: FormValues, secrets: SecretValues): Record<string, string> {
  const kinds = isByKey(form) ? ['key', 'passphrase', 'password'] : ['password'];
  return Object.fromEntries(
    kinds.flatMap((kind) => {
      const value = secrets[kind] ?? '';
      // Root needs no sudo: a password that was typed before is not sent.
      const isWanted = value !== '' && !(kind === 'password' && isByKey(form) && textOf(form, 'user') === 'root');
      return isWanted ? [[`${kind}:${textOf(form, 'user')}`, value]] : [];
    }),
  );
}

export function loginIssues(form: FormValues, secrets: SecretValues): Issue[] {
  return isByKey(form) && (secrets['key'] ?? '').trim() === ''
    ? [{ field: 'key', message: 'Paste the private key, or choose its file.' }]
    : [];
}
