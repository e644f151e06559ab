// The scripts that deploy runs on a node, and their arguments. Standard input has what is secret.
import { scriptText } from './script-text.ts';

/**
 * Looks, changes nothing. Arguments: tree, state folder, base folder, mesh port. Prints the lines that parseProbe reads.
 */
export const probeScript = scriptText('deploy/probe');

/** How a node can unpack, the quickest first. Debian without zstd(1) still has libzstd, in apt. */
export const unpackers = ['zstd', 'apt', 'gzip'] as const;

/**
 * Puts standard input under its hash. Arguments: tree, kind (runtime or program), hash, file name, mode, unpacker, SHA-256 of
 * what is sent, size of the unpacked file in bytes. What is sent carries a checksum of its content. A file that is not whole
 * never gets its name.
 */
export const receiveScript = scriptText('deploy/receive');

/** How `install` ends when all is in place and systemd could not start the service: the node's journal says why. */
export const startRefusedCode = 69;

/**
 * Writes identity and unit from a tar on standard input and starts the service. Arguments: tree, state folder, base folder,
 * program hash, runtime hash, action. The tar holds \`meshd\` (bin/meshd), \`meshd.service\`, \`upgrade.sh\` and, where the
 * node gets them, \`node.key\`, \`node.crt\`, \`ca.crt\`, \`roster.json\`.
 *
 * Actions: \`start\` makes the program current and (re)starts the service; \`upgrade\` leaves that to upgrade.sh under systemd;
 * \`enable\` makes it current and has it started at the next boot only.
 */
export const installScript = scriptText('deploy/point', 'deploy/install');

/**
 * Runs on the node under systemd, so that it ends well even when SSH or the head dies meanwhile. Arguments: tree, base
 * folder, program hash, optionally seconds to wait for hello. Writes \`upgrade.outcome\`: \`running\`, \`done\` or
 * \`rolled-back\` in its first line, the last journal lines of a program that failed below.
 */
export const upgradeScript = scriptText('deploy/point', 'deploy/upgrade');

/**
 * Waits for the end of an upgrade and prints its outcome file. Arguments: tree, seconds to wait at most.
 */
export const awaitUpgradeScript = scriptText('deploy/await-upgrade');

/** Prints the service's state and its last journal lines. Arguments: how many lines. */
export const logsScript = scriptText('deploy/logs');

/** Takes the CA: `ca.crt` and `ca.key` in a tar on standard input. Argument: state folder. The key comes last. */
export const receiveCaScript = scriptText('deploy/keep', 'deploy/receive-ca');

/** Takes the roster that names this node as head, and restarts meshd with it. Argument: state folder. */
export const becomeHeadScript = scriptText('deploy/keep', 'deploy/become-head');
