// A package that takes its time to install, from a repository on the node itself: lab nodes reach no package servers. It
// writes down how often it was configured.
import type { Lab } from './lab.ts';

export const slowPackage = 'dnsmasq-base';
const countFile = '/var/log/meshdeck-configured';
const hurryFile = '/run/meshdeck-hurry';

/** Makes the node one that lacks the package, and whose apt takes `seconds` to install it, or until `hurry` is called. */
export async function placeSlowPackage(lab: Lab, node: string, seconds: number): Promise<void> {
  const script = `
    set -eu
    name=$1
    dpkg --purge --force-depends "$name" >/dev/null 2>&1 || :
    rm -rf /opt/slow "$3" "$4" && mkdir -p /opt/slow/tree/DEBIAN && cd /opt/slow
    printf 'Package: %s\\nVersion: 1:9-1\\nArchitecture: all\\nMaintainer: lab <lab@example.org>\\nDescription: slow\\n' "$name" >tree/DEBIAN/control
    cat >tree/DEBIAN/postinst <<END
#!/bin/sh
[ "\\$1" = configure ] || exit 0
left=$2
while [ "\\$left" -gt 0 ] && [ ! -e $4 ]; do sleep 1; left=\\$((left - 1)); done
echo configured >>$3
END
    chmod 755 tree/DEBIAN/postinst
    dpkg-deb --build tree slow.deb >/dev/null
    { cat tree/DEBIAN/control; echo "Filename: ./slow.deb"; echo "Size: $(stat -c %s slow.deb)"; echo "SHA256: $(sha256sum slow.deb | cut -d' ' -f1)"; } >Packages
    rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
    echo 'deb [trusted=yes] file:/opt/slow ./' >/etc/apt/sources.list`;
  await lab.exec(node, ['sh', '-c', script, 'sh', slowPackage, String(seconds), countFile, hurryFile], {
    timeoutMs: 60_000,
  });
}

/** Lets the package that is being installed there finish within a second. */
export async function hurry(lab: Lab, node: string): Promise<void> {
  await lab.exec(node, ['touch', hurryFile]);
}

/** How often it was configured there since it was placed. */
export async function timesConfigured(lab: Lab, node: string): Promise<number> {
  const { stdout } = await lab.exec(node, ['sh', '-c', 'cat "$1" 2>/dev/null | wc -l', 'sh', countFile]);
  return Number(stdout);
}
