// What uploads use of this browser.
import { AppError } from '../contract/errors.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { uploadService } from '../contract/uploads.ts';
import type { UploadComponents, UploadSocket } from './upload.ts';

/** For uploads to the node that the console is attached to. @throws AppError where the browser has no hashes */
export function browserUploads(cluster: string): UploadComponents {
  // Only pages that came over TLS, or from this machine, have them.
  if (!('subtle' in crypto)) {
    throw new AppError(
      'refused',
      'uploads need HTTPS: this browser computes no hashes for a page that came without it',
    );
  }
  return {
    open: (args) => {
      const url = new URL(`${httpPaths.streams}/${uploadService}`, window.location.href);
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      url.search = new URLSearchParams({ cluster, args: JSON.stringify(args) }).toString();
      return socketOf(new WebSocket(url));
    },
    digest: (data) => crypto.subtle.digest('SHA-256', data),
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = () => {
          clearTimeout(timer);
          reject(new AppError('cancelled', 'cancelled: what has arrived is kept'));
        };
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        }, ms);
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      }),
  };
}

/** The parts of a WebSocket that an upload uses. */
function socketOf(socket: WebSocket): UploadSocket {
  socket.binaryType = 'arraybuffer';
  const made: UploadSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (data) => {
      socket.send(data);
    },
    close: () => {
      socket.close();
    },
  };
  socket.onopen = () => made.onopen?.();
  socket.onmessage = ({ data }: MessageEvent<unknown>) => made.onmessage?.({ data });
  socket.onclose = ({ code, reason }) => made.onclose?.({ code, reason });
  return made;
}
