// The proof of a bridge by a restart of its node: the step that asks for it, the scripts that ask at most once for each run, and
// what has to be there afterwards.
import type { Step } from '../../../../contract/plans.ts';
import { bridgeStep } from './actions.ts';
import type { BridgeFacts } from '../observe/facts.ts';
import { addressesOf } from './picture.ts';
import { BridgeStepArgs } from './step-args.ts';
import type { RebootProofArgs } from './step-args.ts';

/** From the order until another boot has to answer. */
export const rebootSeconds = 300;
/** Once it answers: until it has to be as it was committed. Leases, and services after sshd, come a little later. */
export const rebootSettleSeconds = 60;

/** `after`: the step that bridges the node. */
export function rebootProofStepOf(after: Step, { vms, users }: Pick<BridgeFacts, 'vms' | 'users'>): Step {
  const { target, expected, transaction } = BridgeStepArgs.parse(after.do.args);
  const { bridge, uplink, addresses } = transaction;
  const args: RebootProofArgs = {
    target,
    address: expected[0] ?? target.address,
    bridge,
    uplink,
    addresses,
    vms: [...vms],
  };
  const ends = [
    vms.length > 0 ? `VMs that end: ${vms.join(', ')}` : 'no VM was seen there',
    users.length > 0 ? `logged in: ${users.join(', ')}` : 'nobody was logged in at a terminal',
  ].join('; ');
  return bridgeStep({
    action: 'proveByReboot',
    node: target.name,
    needs: [after.key],
    title: `Restart it, and see ${bridge} come back`,
    why: 'What the next boot does is compared with what runs anyway; a restart is the proof. The next nodes wait for it.',
    preview: [
      { kind: 'command', text: 'systemctl reboot' },
      { kind: 'note', text: `when the plan was made: ${ends}` },
      {
        kind: 'note',
        text: `waited for ${rebootSeconds / 60} min at ${args.address}, with its pinned host key; then ${bridge}, ${uplink} and ${addresses.join(', ') || 'no address'} have to be there`,
      },
    ],
    args,
    undo: null,
    ask: {
      question: `Restart ${target.name} now to prove ${bridge}? Everything that runs there ends. When the plan was made: ${ends}.`,
      default: false,
      deadlineMs: 30 * 60_000,
    },
    // The look before, the restart, and the looks after it with the last one under way.
    deadlineMs: (2 * rebootSeconds + rebootSettleSeconds + 180) * 1000,
  });
}

/** Prints which boot runs, then the run that asked for a restart last with the boot that it wanted to end; changes nothing. */
export const bootScript = `
cat /proc/sys/kernel/random/boot_id
cat /var/lib/meshd/bridge/reboot 2>/dev/null || :
`;

export interface BootState {
  readonly boot: string;
  /** The boot that this run has asked to end; null when it has not asked yet. */
  readonly asked: string | null;
}

/** Null when the answer is not whole. */
export function parseBoot(output: string, run: string): BootState | null {
  const [boot = '', mark = ''] = output.split('\n');
  if (!/^[0-9a-f-]{32,36}$/.test(boot)) return null;
  const [by = '', asked = ''] = mark.split(' ');
  return { boot, asked: by === run && asked !== '' ? asked : null };
}

/**
 * Restarts the node if the named boot still runs. Arguments: run, boot id. The mark is on the disk before anything else
 * happens, so that a console that is killed, and asks again, never ends another boot. Prints `asked`, `restarted` (it already
 * has), `pending` or `refused` with a text.
 */
export const rebootScript = `
set -u
here=/var/lib/meshd/bridge
[ "$(cat /proc/sys/kernel/random/boot_id)" = "$2" ] || { echo restarted; exit 0; }
[ ! -L "$here/pending" ] || { echo pending; exit 0; }
umask 077
if ! { mkdir -p "$here" && printf '%s %s\\n' "$1" "$2" >"$here/reboot.new" && mv -f "$here/reboot.new" "$here/reboot" && sync; }; then
  echo "refused it cannot write $here/reboot"
  exit 0
fi
said=$(timeout -k 1 20 systemctl reboot 2>&1)
code=$?
# Above: a time-out, or a signal of the shutdown itself.
if [ "$code" -ne 0 ] && [ "$code" -lt 124 ]; then
  rm -f "$here/reboot"
  printf 'refused %s\\n' "$said" | head -n 1
  exit 0
fi
echo asked
`;

/** What is missing from a committed bridge, in words; empty when nothing is. */
export function compareWithCommitted(
  facts: Pick<BridgeFacts, 'nics' | 'ovs' | 'rebootDoubts'>,
  wanted: Pick<RebootProofArgs, 'bridge' | 'uplink' | 'addresses'>,
): string[] {
  const bridge = facts.ovs.bridges.find(({ name }) => name === wanted.bridge);
  if (!bridge) return [`there is no ${wanted.bridge}`];
  const nic = facts.nics.find(({ name }) => name === wanted.bridge);
  const there = nic ? addressesOf(nic) : [];
  return [
    ...(bridge.ports.includes(wanted.uplink) ? [] : [`${wanted.uplink} is not in ${wanted.bridge}`]),
    ...wanted.addresses
      .filter((address) => !there.includes(address))
      .map((address) => `${wanted.bridge} does not have ${address}`),
    ...(facts.rebootDoubts ?? []),
  ];
}
