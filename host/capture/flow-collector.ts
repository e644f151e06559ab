// Where Open vSwitch sends what it knows of flows: a UDP port of this machine's loopback, one for each bridge (ovs-vswitchd.conf.db(5), NetFlow).
import { createSocket } from 'node:dgram';
import { AppError, describeError } from '../../contract/errors.ts';
import type { FlowExport, FlowOptions } from './capture-host.ts';
import { assertBridgeName, removeMirrors, vsctl, type SwitchAccess } from './bridge-mirror.ts';
import { captureMark } from './capture-host.ts';

export async function startFlowExport(options: FlowOptions, access: SwitchAccess): Promise<FlowExport> {
  const { id, bridge, timeoutSeconds, onDatagram } = options;
  assertBridgeName(bridge);
  if ((await vsctl(access, 'get', 'Bridge', bridge, 'netflow')).trim() !== '[]')
    throw new AppError(
      'conflict',
      `${bridge} tells somebody of its flows already: \`ovs-vsctl clear Bridge ${bridge} netflow\``,
    );
  const socket = createSocket('udp4');
  const port = await new Promise<number>((resolve, reject) => {
    socket.on('error', (cause) => reject(new AppError('failed', describeError(cause), { cause })));
    socket.bind(0, '127.0.0.1', () => resolve(socket.address().port));
  });
  socket.unref().on('message', (datagram) => onDatagram(datagram));
  const remove = () => removeMirrors(access, (mark) => mark === String(id));
  try {
    await vsctl(
      access,
      ...['--', '--id=@nf', 'create', 'NetFlow', `targets="127.0.0.1:${port}"`, `active_timeout=${timeoutSeconds}`],
      ...[`external_ids:${captureMark}=${id}`, '--', 'set', 'Bridge', bridge, 'netflow=@nf'],
    );
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    async setTimeout(seconds) {
      await vsctl(access, 'set', 'NetFlow', bridge, `active_timeout=${seconds}`);
    },
    async stop() {
      try {
        await remove();
      } finally {
        socket.close();
      }
    },
  };
}
