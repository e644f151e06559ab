import { afterEach, expect, test } from 'vitest';
import { files as filesKind, type FileRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { maxFileRows, maxListedFiles } from '../../contract/limits.ts';
import { kernel, qcow2 } from '../../host/images/made-images.ts';
import { ClusterRows } from '../rows/cluster-rows.ts';
import { fileSource } from './file-rows.ts';
import { FilesMesh, randomDisk } from './memory-files.ts';

let mesh: FilesMesh;
let stop: () => void = () => undefined;
let rows = new Map<string, FileRow>();
afterEach(async () => {
  stop();
  await mesh.stop();
});

/** Follows the files of a node, as a watcher does. */
async function follow(size: number, index: number, prepare: () => void): Promise<void> {
  mesh = await FilesMesh.create(size);
  prepare();
  const { files, id } = mesh.node(index);
  rows = new Map();
  const source = fileSource(
    { nodeId: id },
    { files, clock: mesh.clock, onError: (error) => expect.unreachable(String(error)) },
  );
  stop = source.start(
    {
      put: (change) => {
        const key = keyOf(filesKind, change);
        // A row that a watcher would not take hides the file.
        rows.set(key, filesKind.row.parse({ ...rows.get(key), ...change }));
      },
      drop: (key) => void rows.delete(key),
    },
    new ClusterRows([]),
  );
}
const row = (index: number, name: string) => rows.get(`${mesh.node(index).id} ${name}`);

test('each file has a row with its format and size, which follows it', async () => {
  await follow(1, 0, () => {
    mesh.node(0).store.put('vmlinuz', kernel(), 5_000);
    mesh.node(0).store.put('images/web.qcow2', qcow2(), 6_000);
  });
  await mesh.reached(() => rows.size === 2);
  expect(row(0, 'vmlinuz')).toMatchObject({
    Format: 'kernel',
    Size: 4_096,
    Done: 4_096,
    Modified: 5_000,
    State: 'here',
    Hash: '',
  });
  expect(row(0, 'images/web.qcow2')).toMatchObject({ Format: 'qcow2' });
  mesh.node(0).store.put('vmlinuz', randomDisk(8_192));
  await mesh.reached(() => row(0, 'vmlinuz')?.Size === 8_192);
  expect(row(0, 'vmlinuz')?.Format).toBe('raw');
  await mesh.passing(mesh.node(0).files.delete('vmlinuz'));
  await mesh.reached(() => rows.size === 1);
});

test('a fetch has a row with its progress, and in the end the row of the file with its hash', async () => {
  await follow(2, 1, () => mesh.node(0).store.put('web', randomDisk(4 * 1024 * 1024)));
  const seen = new Set<string>();
  const wait = mesh.node(1).files.ensure('web');
  await mesh.reached(() => {
    const now = row(1, 'web');
    if (now) seen.add(now.Done > 0 && now.Done < now.Size ? `${now.State} some` : now.State);
    return now?.State === 'here' && now.Format === 'raw';
  });
  await wait;
  expect(row(1, 'web')?.Hash).toMatch(/^[0-9a-f]{64}$/);
  expect([...seen]).toContain('here');
});

test('a fetch that fails leaves a row with the reason', async () => {
  await follow(2, 1, () => mesh.node(0).store.put('web', randomDisk(1024 * 1024)));
  await mesh.node(0).files.manifests.of((await mesh.node(0).store.stat('web'))!);
  mesh.node(0).store.flip('web', 0);
  await mesh.failure(mesh.node(1).files.ensure('web'));
  await mesh.reached(() => row(1, 'web')?.State === 'failed');
  expect(row(1, 'web')?.Error).toContain('node1: it gave wrong data for chunk 0');
});

test('a folder of any size costs no more rows than the kind allows; the largest files have one, and one row says how many have none', async () => {
  await follow(1, 0, () => {
    const { store } = mesh.node(0);
    for (let index = 0; index < 5_000; index += 1) store.put(`results/${index}`, Buffer.from('x'));
    store.put('web.qcow2', qcow2());
    // Too long for the key of a row.
    store.put(
      `${'d'.repeat(200)}/${'e'.repeat(200)}/${'f'.repeat(200)}/${'g'.repeat(200)}/${'h'.repeat(200)}`,
      Buffer.alloc(1e6, 1),
    );
  });
  await mesh.reached(() => rows.size > 0);
  expect(rows.size).toBe(maxFileRows);
  expect(row(0, 'web.qcow2')).toMatchObject({ State: 'here' });
  expect(row(0, '')).toMatchObject({ State: 'more', Size: 5_002 - (maxFileRows - 1) });
  expect(maxListedFiles).toBeGreaterThan(5_002);
});
