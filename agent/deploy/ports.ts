// Deploy's view of identity, roster and mesh (agent/deploy/types.ts), over the real ones.
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { treeFromProgramPath } from '../../core/deploy/tree.ts';
import { admitNode, removeNode } from '../../core/mesh/roster.ts';
import { createId, createKeyPair, identityFromCertificate, keyHashOf } from '../identity/certificates.ts';
import type { ClusterState } from '../identity/identity.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { DeployAuthority, DeployCluster, DeployMesh, MeshHello } from './types.ts';

const helloKind = 'hello';
const HelloBody = z.object({ version: z.string(), program: z.string(), isHead: z.boolean().default(false) });

export function createDeployCluster({ identity, roster, head }: ClusterState): DeployCluster {
  const authority: DeployAuthority | null = head && {
    issue: ({ nodeId, publicKey }) => head.authority.issue({ nodeId, publicKey }, new Date()),
    admit: async (node, replaces) => {
      await head.editor.edit((current) => {
        if (replaces === undefined || replaces === node.id) return admitNode(current, node);
        const removed = removeNode(current, replaces);
        // Both in one roster version, so that no member ever sees the cluster without the node.
        if (!removed.ok) return removed;
        const admitted = admitNode(removed.roster, node);
        return admitted.ok ? { ok: true, roster: { ...admitted.roster, version: current.version + 1 } } : admitted;
      });
    },
  };
  return {
    nodeId: identity.nodeId,
    cluster: identity.cluster,
    caPem: identity.caPem,
    roster: () => roster.roster,
    signedRoster: () => roster.signed,
    // The CA may have been moved to another node while this one runs.
    authority: () => (roster.roster.head === identity.nodeId ? authority : null),
    createNodeKeys: () => ({ nodeId: createId(), ...createKeyPair() }),
    readCertificate: (pem) => {
      let certificate: X509Certificate;
      try {
        certificate = new X509Certificate(pem);
      } catch {
        return null;
      }
      const claimed = identityFromCertificate(certificate);
      if (!claimed) return null;
      return {
        cluster: claimed.cluster,
        nodeId: claimed.nodeId,
        keyHash: keyHashOf(certificate.publicKey),
        validTo: certificate.validToDate,
      };
    },
  };
}

export function createDeployMesh(mesh: Mesh): DeployMesh {
  return {
    has: (nodeId) => mesh.memberIds().includes(nodeId),
    size: () => mesh.memberIds().length,
    links: (nodeId) => mesh.topology().nodes.find(({ id }) => id === nodeId)?.neighbours.length ?? 0,
    onChange: (listener) => {
      mesh.on('change', listener);
      return () => {
        mesh.off('change', listener);
      };
    },
    hello: async (nodeId, options): Promise<MeshHello> => {
      const result = (await mesh.request([nodeId], helloKind, {}, options)).get(nodeId);
      if (!result?.ok) throw new AppError(result?.code ?? 'timeout', result?.message ?? 'no answer');
      return HelloBody.parse(result.body);
    },
  };
}

/** Answers other members' hello. */
export function serveHello(mesh: Mesh, self: { version: string; programPath: string; isHead: () => boolean }): void {
  const program = treeFromProgramPath(self.programPath)?.programHash ?? '';
  mesh.serve(helloKind, () => Promise.resolve({ version: self.version, program, isHead: self.isHead() }));
}
