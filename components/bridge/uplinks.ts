// The uplinks that were chosen for single nodes, as the form keeps them: a list of `node=nic`. Pure.

/** Entries `node=nic` of the form's list, as the planner's record; what is not of that form is left out. */
export function uplinksOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const at = entry.indexOf('=');
      return at > 0 && at < entry.length - 1 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}

/** The form's list after one node's NIC was chosen; `auto` takes its entry out. */
export function withUplink(entries: readonly string[], node: string, nic: string): string[] {
  const others = entries.filter((entry) => !entry.startsWith(`${node}=`));
  return nic === 'auto' ? others : [...others, `${node}=${nic}`];
}
