// The first login of plans that bring a machine in.
import type { AddNodesForm } from '../../../core/plans/nodes/add-nodes.ts';
import { forAllNodes, keyName, passphraseName } from '../../../core/plans/secret-names.ts';
import { findKeyIssue } from '../../../host/ssh/keys.ts';
import { invalid } from '../../form.ts';
import type { Secrets } from '../../ports.ts';

/** A key that cannot be used is an error before any machine is looked at. One that comes later is looked at by the run. */
export function assertKeyUsable(form: Pick<AddNodesForm, 'user' | 'login'>, secrets: Secrets): void {
  const name = forAllNodes(keyName({ user: form.user, name: '' }));
  const key = form.login === 'key' ? secrets[name] : undefined;
  if (key === undefined) return;
  const found = findKeyIssue(key, secrets[passphraseName(name)] ?? '');
  if (found) throw invalid(found.field, found.message);
}
