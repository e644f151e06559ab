// The smallest program that shows a mesh to browsers, in two ways that the console is compared with: it passes each message
// of the command socket on to all socket.io clients as it comes, or it answers GET /snapshot with all of it for pages that
// ask every few seconds, as miniweb's do. No login, no coalescing, no rights.
//
//   node bench/peers/plain-broadcast.ts <command socket>        prints: listening <url>
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { WatchMessage } from '../../contract/watch-messages.ts';
import { applyWatch, emptyCluster, watchedKinds } from '../../core/watched-cluster.ts';

const maxMessageBytes = 16_000_000;

let state = emptyCluster;
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ Nodes: [...state.nodes.values()], Links: [...state.links.values()] }));
});
const io = new Server(server, { serveClient: false, transports: ['websocket'], perMessageDeflate: false });
const splitter = new JsonSplitter(maxMessageBytes);
const socket = connect(process.argv[2] ?? '');
socket.write(`${JSON.stringify({ Watch: { Kinds: [...watchedKinds, 'hosts'] } })}\n`);
socket.on('data', (bytes: Buffer) => {
  for (const text of splitter.push(bytes).texts) {
    const message = WatchMessage.parse(JSON.parse(text));
    state = applyWatch(state, message);
    if (message.Watch === 'rows') io.emit('delta', message);
  }
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
