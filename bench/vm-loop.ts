// What a launch is compared with (docs/benchmarks.md): the same QEMUs by a shell loop on the node, with their taps by one `ip -batch` and their ports
// by one ovs-vsctl. A QEMU that runs in the background has made its machine when the program returns (qemu(1), -daemonize).
import { quoteArgv } from '../host/ssh/quote.ts';
import type { Lab } from '../lab/lab.ts';

const timeoutMs = 600_000;
const folder = '/run/loop';

const script = `
set -e
bridge=$1 tag=$2 count=$3 how=$4
mkdir -p ${folder}
for i in $(seq "$count"); do mkdir -p ${folder}/$i; done
begun=$(date +%s%N)
for i in $(seq "$count"); do
  echo "tuntap add dev loop$i mode tap"
  echo "link set dev loop$i up"
done | ip -batch -
ports=()
for i in $(seq "$count"); do ports+=(-- add-port "$bridge" "loop$i" "tag=$tag"); done
ovs-vsctl "\${ports[@]}"
for i in $(seq "$count"); do
  if [ "$how" = together ]; then start >${folder}/$i/log 2>&1 & else start >${folder}/$i/log 2>&1; fi
done
wait
ended=$(date +%s%N)
for i in $(seq "$count"); do [ -s ${folder}/$i/pid ] || { cat ${folder}/$i/log; exit 1; }; done
echo $(((ended - begun) / 1000))
`;

const clear = `
for file in ${folder}/*/pid; do kill -9 "$(cat "$file")"; done
ip -o link show | sed -n 's/^[0-9]*: \\(loop[0-9]*\\):.*/link del dev \\1/p' >${folder}/taps
ovs-vsctl $(sed "s/link del dev /-- --if-exists del-port $1 /" ${folder}/taps)
ip -force -batch ${folder}/taps
rm -rf ${folder}
`;

export interface LoopOptions {
  readonly bridge: string;
  readonly vlan: number;
  readonly count: number;
  /** All QEMUs at once, or one after the other. */
  readonly how: 'together' | 'in turn';
  readonly isPaused: boolean;
  /** Each QEMU has its own systemd scope, as in meshd: it outlives who started it, and what it takes is counted. */
  readonly hasScopes: boolean;
}

const scope = ['systemd-run', '--scope', '--quiet', '--collect', '--slice=loop.slice', '--'];

/** A VM of meshd's, of which the loop makes copies: the words of its QEMU, its folder and its tap. */
export interface Pattern {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly tap: string;
}

/** Milliseconds that the loop took. Its VMs are gone again afterwards. */
export async function measureLoop(lab: Lab, node: string, pattern: Pattern, options: LoopOptions): Promise<number> {
  const { bridge, vlan, count, how } = options;
  const text = `start() { ${commandOf(pattern, options)}; }\n${script}`;
  try {
    const { stdout } = await lab.exec(node, ['bash', '-c', text, 'loop', bridge, String(vlan), String(count), how], {
      timeoutMs,
    });
    return Number(stdout) / 1_000;
  } finally {
    await lab.exec(node, ['bash', '-c', clear, 'clear', bridge], { timeoutMs });
  }
}

/** The VM's own words, less what a loop would not type: the sandbox, which forbids to go into the background. */
function commandOf({ argv, folder: own, tap }: Pattern, { isPaused, hasScopes }: LoopOptions): string {
  const at = argv.indexOf('-sandbox');
  const program = [...argv.slice(0, at), ...argv.slice(at + 2)].filter((word) => isPaused || word !== '-S');
  const words = hasScopes ? [...scope, ...program] : program;
  // A brace makes the word a quoted one: the number stands between two quoted parts.
  const copied = words.map((word) => word.replaceAll(own, `${folder}/{i}`).replaceAll(tap, 'loop{i}'));
  return quoteArgv([...copied, '-daemonize', '-pidfile', `${folder}/{i}/pid`]).replaceAll('{i}', `'"$i"'`);
}
