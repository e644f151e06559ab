// All commands about VMs, from what a node has: its own VMs, the launcher, and the configurations that were typed here.
import type { Handlers } from './handler.ts';
import { createQosHandlers } from './qos.ts';
import { createVmActionHandlers, type VmActionComponents } from './vm-actions.ts';
import { createVmConfigHandlers, type VmConfigHandlerComponents } from './vm-config.ts';
import { createVmInfoHandlers, type VmInfoComponents } from './vm-info.ts';
import { createVmLaunchHandlers, type VmLaunchComponents } from './vm-launch.ts';
import { createNsVmHandlers, type NsVmComponents } from './ns-vms.ts';
import { createVmSaveHandlers, type VmSaveComponents } from './vm-save.ts';
import { createVmTopHandlers, type VmTopComponents } from './vm-top.ts';
import { createVmSurveyHandlers, type VmSurveyComponents } from './vm-survey.ts';

export interface VmHandlerComponents
  extends
    VmConfigHandlerComponents,
    VmActionComponents,
    VmInfoComponents,
    VmLaunchComponents,
    NsVmComponents,
    VmSaveComponents,
    VmTopComponents,
    VmSurveyComponents {
  readonly vms: VmActionComponents['vms'];
  readonly launcher: VmLaunchComponents['launcher'] & VmSurveyComponents['launcher'];
  readonly peers: VmActionComponents['peers'];
}

export function createVmHandlers(components: VmHandlerComponents): Handlers {
  return {
    ...createVmConfigHandlers(components),
    ...createVmLaunchHandlers(components),
    ...createVmSurveyHandlers(components),
    ...createVmInfoHandlers(components),
    ...createVmActionHandlers(components),
    ...createQosHandlers(components),
    ...createVmSaveHandlers(components),
    ...createVmTopHandlers(components),
    ...createNsVmHandlers(components),
  };
}
