// A package that takes its time to install, from a repository on the node itself: lab nodes reach no package servers. It
// writes down how often it was configured.
import type { Lab } from './lab.ts';

export const slowPackage = 'dnsmasq-base';
const countFile = '/var/log/meshdeck-configured';

/** Makes the node one that lacks the package, and whose apt can install it in about `seconds`. */
export async function placeSlowPackage(lab: Lab, node: string, seconds: number): Promise<void> {
  const script = `
    set -eu
    name=$1
    dpkg --purge --force-depends "$name" >/dev/null 2>&1 || :
    rm -rf /opt/slow "$3" && mkdir -p /opt/slow/tree/DEBIAN && cd /opt/slow
    printf 'Package: %s\\nVersion: 1:9-1\\nArchitecture: all\\nMaintainer: lab <lab@example.org>\\nDescription: slow\\n' "$name" >tree/DEBIAN/control
    printf '#!/bin/sh\\n[ "$1" = configure ] || exit 0\\nsleep %s\\necho configured >>%s\\n' "$2" "$3" >tree/DEBIAN/postinst
    chmod 755 tree/DEBIAN/postinst
    dpkg-deb --build tree slow.deb >/dev/null
    { cat tree/DEBIAN/control; echo "Filename: ./slow.deb"; echo "Size: $(stat -c %s slow.deb)"; echo "SHA256: $(sha256sum slow.deb | cut -d' ' -f1)"; } >Packages
    rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
    echo 'deb [trusted=yes] file:/opt/slow ./' >/etc/apt/sources.list`;
  await lab.exec(node, ['sh', '-c', script, 'sh', slowPackage, String(seconds), countFile], { timeoutMs: 60_000 });
}

/** How often it was configured there since it was placed. */
export async function timesConfigured(lab: Lab, node: string): Promise<number> {
  const { stdout } = await lab.exec(node, ['sh', '-c', 'cat "$1" 2>/dev/null | wc -l', 'sh', countFile]);
  return Number(stdout);
}
