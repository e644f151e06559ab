'use client';
// A wizard at work: where it stands, what the browser's back button means, and the three calls that it makes: plan, start, and
// before both a look at what was typed. WizardShell draws it.
import { useEffect, useReducer, useRef, type RefObject } from 'react';
import { AppError, describeError } from '../../contract/errors.ts';
import type { Plan } from '../../contract/plans.ts';
import { useConsole } from '../../lib/use-console.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { type WantedSecret, wantedSecrets } from './plan-secrets.ts';
import { fieldOf } from './wizard-fields.ts';
import {
  type FormValues,
  formText,
  hasPlan,
  type Issue,
  openWizard,
  stepWizard,
  type WizardEvent,
  type WizardState,
} from './wizard-state.ts';
import type { Wizard } from './wizard.ts';

/** Reaching 1,000 nodes, some of which are off, takes its time; the server keeps its own deadlines. */
const planTimeoutMs = 300_000;

export interface WizardAtWork<Form extends FormValues> {
  readonly state: WizardState<Form>;
  readonly dispatch: (event: WizardEvent) => void;
  /** All steps in their order, and which one is open. */
  readonly steps: readonly { readonly key: string; readonly title: string }[];
  readonly at: number;
  /** Of the open step: it has the focus when another one opens. */
  readonly heading: RefObject<HTMLHeadingElement | null>;
  /** Why this reader may not have such a plan; empty: may. */
  readonly refusal: string;
  /** Why the plan cannot run yet; empty: it can. */
  readonly runRefusal: string;
  /** Secrets that the plan wants and nobody typed with the form. */
  readonly wanted: readonly WantedSecret[];
  /** What must be agreed to before it runs; null: nothing. */
  readonly consent: string | null;
  readonly goTo: (key: string) => void;
  /** On to the next page of the form, or to the plan from the last one; not past what is wrong on this page. */
  readonly goOn: () => void;
  readonly makePlan: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** `loadNext`: loads what is shown after the form, while the plan is made. */
export function useWizard<Form extends FormValues>(
  wizard: Wizard<Form>,
  loadNext: () => Promise<unknown>,
): WizardAtWork<Form> {
  const url = useUrlState();
  const client = useConsole()?.client ?? null;
  const refusal = usePlanRefusal(wizard.kind);
  const [state, dispatch] = useReducer(stepWizard<Form>, null, () => openWizard(wizard.initial, wizard.pages.length));
  const latest = useRef(state);
  useEffect(() => {
    latest.current = state;
  });
  const { place, form, secrets, planSecrets, plan, busy } = state;
  const here = place.at === 'form' ? (wizard.pages[place.page]?.key ?? '') : place.at;

  useBackButton(wizard, latest, dispatch);
  const heading = useStepFocus(here);

  const goTo = (key: string) => {
    url.set({ step: key === wizard.pages[0]?.key ? null : key, run: null }, { isStep: true });
    const page = wizard.pages.findIndex((each) => each.key === key);
    dispatch({ do: 'go', to: page === -1 ? { at: 'plan' } : { at: 'form', page } });
  };

  /** Shows issues where they belong; whether there were any. */
  const showIssues = (found: readonly Issue[]): boolean => {
    const fields = wizard.pages.flatMap((page) => page.fields);
    const issues = found.map(({ field, message }) => ({ field: fieldOf(field, fields) ?? '', message }));
    const [first] = issues;
    if (!first) return false;
    const page = wizard.pages.find((each) => fieldOf(first.field, each.fields) !== null);
    if (page && page.key !== here) goTo(page.key);
    dispatch({ do: 'issues', issues });
    return true;
  };

  const makePlan = async () => {
    if (busy !== 'none' || showIssues(wizard.check(form, secrets))) return;
    if (hasPlan(state)) {
      goTo('plan');
      return;
    }
    const planned = formText(state);
    dispatch({ do: 'planning' });
    // Should it fail, it is tried again where it is shown.
    void loadNext();
    try {
      if (!client) throw new AppError('unreachable', 'no connection to the console yet: try again in a moment');
      const made = await client.call(
        'plans.make',
        { kind: wizard.kind.kind, form: wizard.toForm(form), secrets: wizard.toSecrets(form, secrets) },
        { timeoutMs: planTimeoutMs },
      );
      dispatch({ do: 'planned', plan: made, form: planned });
      if (formText(latest.current) === planned) url.set({ step: 'plan' }, { isStep: true });
    } catch (error) {
      const detail = error instanceof AppError ? (error.detail ?? null) : null;
      const field = typeof detail?.['field'] === 'string' ? detail['field'] : '';
      const issue = { field, message: describeError(error) };
      dispatch({ do: 'failed', issues: [issue], refusal: detail });
      showIssues([issue]);
    }
  };

  const start = async () => {
    if (!plan || busy !== 'none') return;
    dispatch({ do: 'starting' });
    try {
      if (!client) throw new AppError('unreachable', 'no connection to the console: try again when it is back');
      const given = { ...wizard.toSecrets(form, secrets), ...planSecrets };
      const run = await client.call('runs.start', { plan: plan.id, secrets: given }, { timeoutMs: 60_000 });
      dispatch({ do: 'started', run: run.id });
      url.set({ run: run.id, step: null }, { isStep: true });
    } catch (error) {
      dispatch({ do: 'failed', issues: [{ field: '', message: describeError(error) }] });
    }
  };

  const goOn = () => {
    const page = place.at === 'form' ? wizard.pages[place.page] : undefined;
    if (!page) return;
    const own = wizard.check(form, secrets).filter(({ field }) => fieldOf(field, page.fields) !== null);
    if (showIssues(own)) return;
    const next = wizard.pages[wizard.pages.indexOf(page) + 1];
    if (next) goTo(next.key);
    else void makePlan();
  };

  const steps = [
    ...wizard.pages.map(({ key, title }) => ({ key, title })),
    { key: 'plan', title: 'Plan' },
    { key: 'run', title: 'Run' },
  ];
  const wanted = plan ? wantedSecrets(plan, wizard.toSecrets(form, secrets)) : [];
  const consent = plan ? (wizard.consent?.(plan) ?? null) : null;
  return {
    state,
    dispatch,
    steps,
    at: steps.findIndex(({ key }) => key === here),
    heading,
    refusal,
    runRefusal: refusal || whyNotRun(plan, { state, wanted, consent }),
    wanted,
    consent,
    goTo,
    goOn,
    makePlan,
    start,
  };
}

/** What the URL says, as the browser's back and forward buttons change it, is where the wizard stands. */
function useBackButton<Form extends FormValues>(
  { pages }: Wizard<Form>,
  latest: RefObject<WizardState<Form>>,
  dispatch: (event: WizardEvent) => void,
): void {
  const url = useUrlState();
  const runInUrl = url.get('run');
  const stepInUrl = url.get('step');
  useEffect(() => {
    if (runInUrl !== '') {
      dispatch({ do: 'started', run: runInUrl });
      return;
    }
    if (latest.current.place.at === 'run') dispatch({ do: 'left' });
    if (stepInUrl === 'plan') dispatch({ do: 'go', to: { at: 'plan' } });
    else
      dispatch({
        do: 'go',
        to: {
          at: 'form',
          page: Math.max(
            0,
            pages.findIndex(({ key }) => key === stepInUrl),
          ),
        },
      });
  }, [runInUrl, stepInUrl, pages, latest, dispatch]);
}

/** Each step starts at its top, and a screen reader with its heading. */
function useStepFocus(here: string): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [here]);
  return heading;
}

function whyNotRun(
  plan: Plan | null,
  facts: {
    readonly state: Pick<WizardState, 'agreedTo' | 'planSecrets'>;
    readonly wanted: readonly WantedSecret[];
    readonly consent: string | null;
  },
): string {
  const { agreedTo, planSecrets } = facts.state;
  if (facts.consent !== null && agreedTo !== plan?.id) return 'Tick the box above first.';
  const isMissing = facts.wanted.some(({ name }) => (planSecrets[name] ?? '') === '');
  return isMissing ? 'Type the passwords above first.' : '';
}
