// The transaction that holds a node, as one look sees it, and whether something is wrong with it. A look takes seconds, and the
// transaction moves on meanwhile: what belongs together is read together, and again when it changed in between.
import { transactionStates, type TransactionMark } from './facts.ts';
import { cleanText, type Observed } from './observed.ts';
import { defaultBridgeTimes } from '../plan/times.ts';

/** First in the script of a look; with the last part it tells whether a transaction began or ended in between. */
export const stampScript = `
here=/var/lib/meshd/bridge
live=/run/meshdeck/bridge
stamp() { stat -c '%y %i' "$here" 2>/dev/null; readlink "$here/pending" 2>/dev/null; }
stamp_before=$(stamp)
`;

/** Units in the order in which they are asked: the first timer twice, since one timer starts before the other one stops. */
const units = [
  'meshdeck-bridge-deadman.timer',
  'meshdeck-bridge-deadman-2.timer',
  'meshdeck-bridge-deadman.timer',
  'meshdeck-bridge.service',
  'meshdeck-bridge-keep.service',
  'meshdeck-bridge-rollback.service',
  'meshdeck-bridge-deadman.service',
  'meshdeck-bridge-deadman-2.service',
  'meshdeck-bridge-guard.service',
] as const;
const goingBack = units.slice(5);

/** Last in the script of a look. It takes the locks and releases them at once: nobody who waits for one notices. */
export const markScript = `
state_of() { cat "$live/$1/state" 2>/dev/null || cat "$here/$1/state" 2>/dev/null; }
held() { [ -e "$1" ] && ! flock -n -s "$1" true 2>/dev/null; }
for try in 1 2 3 4; do
  pending=$(readlink "$here/pending" 2>/dev/null)
  pending=\${pending##*/}
  [ -n "$pending" ] || break
  mark_state=$(state_of "$pending")
  mark_locks=
  if held "$live/begin.lock"; then mark_locks=begin; fi
  if held "$live/lock"; then mark_locks="$mark_locks decide"; fi
  mark_units=$(t systemctl is-active ${units.join(' ')} | tr '\\n' ' ')
  mark_since=$(cat "$live/$pending/since" 2>/dev/null)
  mark_cap=$(cat "$live/$pending/cap" 2>/dev/null)
  mark_up=$(cut -d ' ' -f 1 /proc/uptime)
  mark_now=$(date +%s%3N)
  mark_steady=
  [ "$mark_state" = "$(state_of "$pending")" ] && [ "$(readlink "$here/pending")" = "$pending" ] && mark_steady=yes && break
done
if [ -n "$pending" ]; then
  put pending "$pending"
  put pending_steady "$mark_steady"
  put pending_state "$mark_state"
  put pending_locks "$mark_locks"
  put pending_units "$mark_units"
  put pending_since "$mark_since"
  put pending_made "$(stat -c %Y "$here/pending" 2>/dev/null)"
  put pending_cap "$mark_cap"
  put uptime "$mark_up"
  put now_ms "$mark_now"
  blob pending_plan grep -E '^(HOLDER|KIND|CAP)=' "$here/$pending/plan"
  blob pending_journal cat "$here/$pending/journal"
fi
[ "$stamp_before" = "$(stamp)" ] || put moved yes
`;

/** How long the rollback may take after its cap, before it is called late. */
const rollbackSeconds = 120;

export function readTransaction(observed: Observed): TransactionMark | null {
  const id = observed.one('pending');
  if (id === '') return null;
  const [at = '', word = ''] = observed.one('pending_state').split(' ');
  const plan = observed.text('pending_plan');
  const nowMs = Number(observed.one('now_ms')) || 0;
  const uptimeMs = (Number(observed.one('uptime')) || 0) * 1000;
  const isActive = observed
    .one('pending_units')
    .split(' ')
    .map((each) => each === 'active' || each === 'activating');
  const runs = (names: readonly string[]) => units.some((unit, index) => names.includes(unit) && isActive[index]);
  // A mark without a state: its begin has not got that far, or was cut short.
  const state = transactionStates.find((each) => each === word) ?? 'planned';
  return {
    id,
    state,
    ageSeconds: Math.max(0, Math.round(ageMs() / 1000)),
    isPastCap: isPastCap(),
    holder: cleanText(/^HOLDER='(.*)'$/m.exec(plan)?.[1]?.replaceAll("'\\''", "'") ?? ''),
    isArmed: runs(units.slice(0, 3)),
    isSteady: observed.one('pending_steady') === 'yes',
    isAtWork: isAtWork(),
  };

  /** By the time since boot where the node reports it: nobody sets that clock. */
  function ageMs(): number {
    const since = Number(observed.one('pending_since'));
    if (since > 0 && uptimeMs > 0) return uptimeMs - since;
    const began = Number(at) || Number(observed.one('pending_made')) * 1000;
    return began > 0 ? nowMs - began : 0;
  }

  function isPastCap(): boolean {
    const cap = Number(observed.one('pending_cap'));
    if (cap > 0 && uptimeMs > 0) return uptimeMs > cap + rollbackSeconds * 1000;
    const seconds = Number(/^CAP='?(\d+)'?$/m.exec(plan)?.[1] ?? defaultBridgeTimes.cap);
    const armedAt = Number(/^(\d+) armed /m.exec(observed.text('pending_journal'))?.[1] ?? 0);
    return armedAt > 0 && nowMs - armedAt > (seconds + rollbackSeconds) * 1000;
  }

  /** The program that takes the next step out of this state is running. */
  function isAtWork(): boolean {
    const locks = observed.one('pending_locks').split(' ');
    if (locks.includes('decide') || runs(goingBack)) return true;
    if (state === 'planned') return locks.includes('begin') || runs(['meshdeck-bridge.service']);
    return state === 'committing' && runs(['meshdeck-bridge-keep.service']);
  }
}

/** Seconds that a state may last on healthy nodes under load: the sum of the script's own time limits, rounded up. */
const mayLast = { planned: 600, committing: 300, 'rolling-back': 900, over: 180 } as const;
/** Between a state and the program that takes it on, on a machine that hardly gets to run anything. */
const handOverSeconds = 10;

export type TransactionTrouble =
  /** No program works on it, and nothing will roll it back. */
  | 'abandoned'
  /** On trial without the timer that rolls it back. */
  | 'no-timer'
  | 'past-cap'
  /** At work for longer than all its time limits allow. */
  | 'hangs'
  | 'rollback-failed'
  /** Over, with its timer still loaded. */
  | 'left-over';

/** Null for each moment of a healthy transaction. */
export function findTrouble(mark: TransactionMark): TransactionTrouble | null {
  const { state, ageSeconds, isArmed, isAtWork, isPastCap } = mark;
  if (!mark.isSteady) return null;
  switch (state) {
    case 'planned':
      if (!isAtWork) return ageSeconds > handOverSeconds ? 'abandoned' : null;
      return ageSeconds > mayLast.planned ? 'hangs' : null;
    case 'armed':
    case 'applied':
    case 'inside-ok':
    case 'outside-ok':
      if (isPastCap) return 'past-cap';
      return isArmed || isAtWork ? null : 'no-timer';
    case 'committing':
      if (!isArmed && !isAtWork) return 'no-timer';
      return ageSeconds > mayLast.committing ? 'hangs' : null;
    case 'rolling-back':
      if (!isAtWork) return ageSeconds > handOverSeconds ? 'abandoned' : null;
      return ageSeconds > mayLast['rolling-back'] ? 'hangs' : null;
    case 'rollback-failed':
      return isAtWork ? null : 'rollback-failed';
    case 'committed':
    case 'rolled-back':
      return isArmed && !isAtWork && ageSeconds > mayLast.over ? 'left-over' : null;
  }
}

/** The transaction has ended, and what is left of it is tidied up. */
export function isOver({ state }: Pick<TransactionMark, 'state'>): boolean {
  return state === 'committed' || state === 'rolled-back';
}

/** The command that ends this trouble, to be typed as root at the node's own console. */
export function mendOf({ id }: Pick<TransactionMark, 'id'>, trouble: TransactionTrouble): string {
  const folder = `/var/lib/meshd/bridge/${id}`;
  switch (trouble) {
    case 'left-over':
      return `sh ${folder}/rollback leftover`;
    // The services that hang hold the lock that the rollback needs.
    case 'hangs':
      return `systemctl kill --signal=KILL 'meshdeck-bridge*.service'; sh ${folder}/tx undo`;
    case 'abandoned':
    case 'no-timer':
    case 'past-cap':
    case 'rollback-failed':
      return `sh ${folder}/tx undo`;
  }
}
