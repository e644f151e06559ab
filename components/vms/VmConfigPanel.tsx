'use client';
// Disks and configuration of a VM, as its node says them: asked when the page opens, and again when the VM changed.
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { useCluster } from '../frame/use-cluster.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Skeleton } from '../ui/Skeleton.tsx';
import { useAsked } from './use-asked.ts';
import type { VmLine } from './vm-line.ts';
import { infoQuestion, minimegaInfo, readInfo } from './vm-questions.ts';

export function VmConfigPanel({ line }: { line: VmLine }): ReactElement {
  const asCommand = useShellCommand();
  const cluster = useCluster();
  const attached = cluster?.AttachedTo ?? '';
  const { vm, node, nics } = line;
  const isLost = vm.State === 'LOST';
  const question = infoQuestion(line, attached);
  const nets = nics.map(({ vlan }) => vlan).join();
  const { entries, error } = useAsked(node, isLost ? '' : question, `${vm.State} ${nets} ${vm.Tags.join()}`);
  const info = entries === null ? null : readInfo(entries, vm.Uuid);
  return (
    <Panel
      title="Disks and configuration"
      actions={
        <CopyButton
          text={asCommand(cluster?.Engine === 'minimega' ? minimegaInfo(line) : question)}
          label="Copy as command"
        />
      }
    >
      <div className="flex flex-col gap-3">
        {isLost ? (
          <p className="text-fg-3">
            {node} does not answer{info === null ? '.' : ': as it said before.'}
          </p>
        ) : null}
        {error === '' || isLost ? null : (
          <Notice state="bad" title={`${node} gave no answer`}>
            {error}
          </Notice>
        )}
        {info === null && !isLost && error === '' ? <Skeleton className="h-16" /> : null}
        {info === null ? null : (
          <FactList>
            <Fact name="Disks" isMono>
              {info.disks.length === 0 ? (
                <span className="font-sans text-fg-3">none</span>
              ) : (
                info.disks.map((disk) => (
                  <div key={disk} className="break-all">
                    {disk}
                  </div>
                ))
              )}
            </Fact>
            {info.fields.map(({ name, value }) => (
              <Fact key={name} name={name} isMono>
                {value}
              </Fact>
            ))}
          </FactList>
        )}
      </div>
    </Panel>
  );
}
