// What is wrong with a launch before a node is chosen for any VM, each at its field.
import { describeRange } from '../../ranges/describe-range.ts';
import { compareNames } from '../../ranges/natural-order.ts';
import { namesOf, type LaunchForm } from './form.ts';
import type { LaunchFacts } from './launch-facts.ts';

type Issue = { readonly field: string; readonly message: string } | null;

/** Null: nothing. */
export function findIssue(form: LaunchForm, facts: LaunchFacts): Issue {
  return findHostIssue(form, facts) ?? findNameIssue(form, facts) ?? findVlanIssue(form, facts);
}

function findHostIssue(form: LaunchForm, { hosts, silent }: LaunchFacts): Issue {
  const isChosen = form.nodes !== '';
  const [quiet] = silent;
  if (quiet && (isChosen || hosts.length === 0)) {
    const others = silent.length > 1 ? ` (and ${silent.length - 1} more)` : '';
    return { field: 'nodes', message: `${quiet.name}: ${quiet.why}${others}` };
  }
  if (hosts.length === 0) return { field: 'nodes', message: 'no node is chosen' };
  const unable = hosts.filter(({ issue }) => issue !== '');
  const [first] = unable;
  if (!first || (!isChosen && unable.length < hosts.length)) return null;
  const same = unable.filter(({ issue }) => issue === first.issue);
  const who = same.length === hosts.length ? '' : `${describeRange(same.map(({ name }) => name))}: `;
  return { field: fieldOfFile(form, first.issue) ?? 'nodes', message: `${who}${first.issue}` };
}

/** The field that names the file which a text is about. */
function fieldOfFile(form: LaunchForm, text: string): string | null {
  const disk = form.disks.findIndex((spec) => text.includes(spec.split(',', 1)[0] ?? spec));
  if (disk >= 0) return `disks.${disk}`;
  return (
    (['cdrom', 'kernel', 'initrd'] as const).find((field) => form[field] !== '' && text.includes(form[field])) ?? null
  );
}

function findNameIssue(form: LaunchForm, { hosts, lost }: LaunchFacts): Issue {
  const taken = new Map(hosts.flatMap(({ name, taken: names }) => names.map((vm) => [vm, name] as const)));
  for (const vm of namesOf(form.names)) {
    const node = lost.get(vm);
    if (node !== undefined) taken.set(vm, `${node}, which does not answer`);
  }
  if (taken.size === 0) return null;
  const names = describeRange(taken.keys());
  const where = [...new Set(taken.values())].sort(compareNames).slice(0, 3).join(', ');
  const are = taken.size === 1 ? 'is' : 'are';
  return {
    field: 'names',
    message: `${clip(names)} ${are} in ${form.namespace} already, on ${where}: choose other names`,
  };
}

function findVlanIssue(form: LaunchForm, { aliases, holders }: LaunchFacts): Issue {
  for (const [alias, vlan] of Object.entries(form.vlans)) {
    const known = aliases.get(alias);
    if (known !== undefined && known !== String(vlan)) {
      return { field: `vlans.${alias}`, message: `${alias} is VLAN ${known} already: leave the number out` };
    }
    const holder = holders.get(vlan);
    if (known === undefined && holder !== undefined) {
      const why = holder === '' ? 'is blacklisted, or used without an alias' : `is ${holder}`;
      return { field: `vlans.${alias}`, message: `VLAN ${vlan} ${why}: choose another number` };
    }
  }
  return null;
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
