// What a node itself answers to a few questions.
import { useState, type ReactElement } from 'react';
import { AskNode } from '../fleet/AskNode.tsx';
import type { MeshNode } from '../fleet/mesh-view.ts';
import { Panel } from '../ui/Panel.tsx';
import { Segmented } from '../ui/Segmented.tsx';

const questions = [
  { value: 'mesh status', label: 'mesh status' },
  { value: 'mesh list', label: 'mesh list' },
  { value: 'host', label: 'host' },
  { value: 'version', label: 'version' },
] as const;
type Question = (typeof questions)[number]['value'];

export function NodeQuestions({ cluster, node }: { cluster: string; node: MeshNode }): ReactElement {
  const [question, setQuestion] = useState<Question>('mesh status');
  return (
    <Panel
      title="As the node sees it"
      actions={<Segmented label="Question" value={question} onValueChange={setQuestion} options={questions} />}
    >
      {node.facts.State === 'member' ? (
        <AskNode key={question} cluster={cluster} node={node.name} line={question} />
      ) : (
        <p className="text-fg-3">{node.name} is not in the mesh: it takes no commands.</p>
      )}
    </Panel>
  );
}
