'use client';
// The log of a node's meshd, asked for when somebody wants it: the head fetches it over SSH, also when the node's meshd is down.
import { useState, type ReactElement } from 'react';
import { AskNode } from '../fleet/AskNode.tsx';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import { lackOf } from '../fleet/lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Panel } from '../ui/Panel.tsx';

/** A login that waits for a node that is down, and says so itself. */
const timeoutMs = 45_000;

function focusOn(box: HTMLElement | null): void {
  box?.focus({ preventScroll: true });
}

export function LogPanel({ mesh, node }: { mesh: MeshView; node: MeshNode }): ReactElement {
  const refusal = useRefusal('operator');
  const [isShown, setIsShown] = useState(false);
  const lack = lackOf(mesh.cluster, 'logs');
  if (lack !== '') {
    return (
      <Panel title="Log">
        <p className="text-fg-2">{lack}.</p>
      </Panel>
    );
  }
  const head = mesh.nodes.find(({ facts }) => facts.Head && facts.State === 'member');
  if (!head || mesh.cluster === null) {
    return (
      <Panel title="Log of its meshd">
        <div className="flex flex-col gap-3">
          <p className="text-fg-2">The head fetches it, and is not in the mesh now. On {node.name} itself:</p>
          <CommandLine command="journalctl -u meshd.service -n 100" />
        </div>
      </Panel>
    );
  }
  return (
    <Panel title="Log of its meshd">
      {isShown ? (
        // The button that had the focus is gone.
        <div ref={focusOn} tabIndex={-1} className="outline-none">
          <AskNode cluster={mesh.cluster.Id} node={head.name} line={`deploy logs ${node.name}`} timeoutMs={timeoutMs} />
        </div>
      ) : (
        <div className="flex flex-col items-start gap-3">
          <p className="text-fg-2">
            State of the service and its last 100 lines, fetched over SSH by the head, {head.name}.
          </p>
          <Button size="sm" disabledReason={refusal} onClick={() => setIsShown(true)}>
            Show the log
          </Button>
        </div>
      )}
    </Panel>
  );
}
