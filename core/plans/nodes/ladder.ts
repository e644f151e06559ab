// Why a node is not in the mesh: the rungs from SSH to the version, looked at from both ends. The first broken rung is the
// reason, with the command that fixes it.

/**
 * What one end sees. Arguments: tree, base folder, mesh port of the other end, then names and addresses of the other end.
 * Prints `key=value` lines.
 */
export const ladderScript = `
say() { printf '%s=%s\\n' "$1" "$2"; }
tree=$1 base=$2 port=$3
shift 3
say epoch "$(date +%s)"
say active "$(systemctl show -P ActiveState meshd.service 2>/dev/null)"
say restarts "$(systemctl show -P NRestarts meshd.service 2>/dev/null)"
say command "$(sed -n 's/^ExecStart=//p' /etc/systemd/system/meshd.service 2>/dev/null)"
say program "$(readlink "$tree/current" 2>/dev/null)"
[ -f /var/lib/meshd/identity/node.crt ] && say certificate yes
if [ -S "$base/meshd" ]; then
  timeout 5 "$tree/bin/meshd" "-base=$base" -e version >/dev/null 2>&1 && say answers yes
fi
for other in "$@"; do
  case $other in
    *[!0-9.:]*) getent ahosts "$other" >/dev/null 2>&1 || say unresolved "$other" ;;
  esac
  timeout 5 "$tree/current/runtime/node" -e '
    const socket = require("node:net").connect(Number(process.argv[2]), process.argv[1]);
    socket.setTimeout(3000, () => process.exit(3));
    socket.on("connect", () => process.exit(0)).on("error", (error) => { console.log(error.code); process.exit(2); });
  ' "$other" "$port" >/dev/null 2>&1 && say reaches "$other"
done
exit 0
`;

export interface LadderEnd {
  readonly activeState: string;
  readonly restarts: number;
  readonly answers: boolean;
  readonly context: string;
  readonly program: string;
  readonly hasCertificate: boolean;
  readonly unresolved: readonly string[];
  /** Names and addresses of the other end at which its mesh port took a connection. */
  readonly reaches: readonly string[];
  /** Its clock, seconds since 1970. */
  readonly clockSeconds: number;
}

export function parseLadder(text: string): LadderEnd {
  const all = (key: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1).trim());
  const one = (key: string) => all(key)[0] ?? '';
  return {
    activeState: one('active'),
    restarts: Number(one('restarts')) || 0,
    answers: one('answers') === 'yes',
    context: /(?:^|\s)"?-context=([\w.-]+)/.exec(one('command'))?.[1] ?? '',
    program: one('program'),
    hasCertificate: one('certificate') === 'yes',
    unresolved: all('unresolved'),
    reaches: all('reaches'),
    clockSeconds: Number(one('epoch')) || 0,
  };
}

export interface LadderQuestion {
  readonly node: string;
  readonly head: string;
  readonly meshPort: number;
  readonly context: string;
  /** What was seen on the node; a text when SSH to it failed. */
  readonly onNode: LadderEnd | string;
  readonly onHead: LadderEnd | string;
}

export interface Rung {
  readonly rung: 'ssh' | 'process' | 'key' | 'context' | 'names' | 'port' | 'clock' | 'version';
  readonly text: string;
  /** A command, and where to type it. */
  readonly mend: string;
}

/** The broken rungs, the lowest first; empty when all hold. */
export function climbLadder(question: LadderQuestion): Rung[] {
  const { node, head, meshPort, onNode, onHead } = question;
  if (typeof onNode === 'string') {
    return [{ rung: 'ssh', text: `${node} is not reached over SSH: ${onNode}`, mend: `ssh root@${node} true` }];
  }
  const rungs: Rung[] = [];
  const add = (rung: Rung['rung'], text: string, mend: string) => rungs.push({ rung, text, mend });
  if (onNode.activeState !== 'active' || onNode.restarts > 2) {
    add(
      'process',
      `meshd does not stay up on ${node} (${onNode.activeState || 'no service'}, ${onNode.restarts} restarts)`,
      `journalctl -u meshd -n 50   # on ${node}`,
    );
  } else if (!onNode.answers) {
    add(
      'process',
      `meshd runs on ${node} and does not answer on its command socket`,
      `systemctl restart meshd   # on ${node}`,
    );
  }
  if (!onNode.hasCertificate) {
    add('key', `${node} has no certificate of this cluster`, `meshd -e deploy launch ${node}   # on ${head}`);
  }
  if (onNode.context !== '' && onNode.context !== question.context) {
    add(
      'context',
      `${node} runs in context ${onNode.context}, the cluster's is ${question.context}`,
      `meshd -e deploy launch ${node}   # on ${head}`,
    );
  }
  if (typeof onHead !== 'string') {
    if (onNode.reaches.length === 0 && onHead.reaches.length === 0) {
      for (const [from, name] of [
        ...onNode.unresolved.map((name) => [node, name] as const),
        ...onHead.unresolved.map((name) => [head, name] as const),
      ]) {
        add('names', `${name} does not resolve on ${from}`, `echo '<address> ${name}' >>/etc/hosts   # on ${from}`);
      }
      add(
        'port',
        `neither ${node} nor ${head} reaches the other's TCP port ${meshPort}`,
        `nft list ruleset   # on both: TCP ${meshPort} must be let in`,
      );
    }
    const skew = Math.abs(onNode.clockSeconds - onHead.clockSeconds);
    if (skew > 12 * 3600) {
      add(
        'clock',
        `the clocks of ${node} and ${head} are ${Math.round(skew / 3600)} hours apart: certificates count as not yet valid`,
        `timedatectl set-ntp true   # on both`,
      );
    }
    if (onNode.program !== '' && onHead.program !== '' && onNode.program !== onHead.program) {
      add(
        'version',
        `${node} runs ${onNode.program}, ${head} ${onHead.program}`,
        `meshd -e deploy launch ${node}   # on ${head}`,
      );
    }
  }
  return rungs;
}
