// What a person may tell a bridge step while its change is on trial: keep it, undo it now, or give it more time.
export const trialSignals = ['keep', 'undo', 'more'] as const;
export type TrialSignal = (typeof trialSignals)[number];
