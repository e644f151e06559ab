'use client';
// The one shell of all wizards: left the steps, middle the form, right what will happen; then the plan, the run, its
// result. It renders any plan of contract/plans and knows no wizard. Where one is stands in the URL, so the browser's back
// button goes back a step; what was typed stays. Passwords are in this component's memory and nowhere else.
import { lazy, Suspense, useEffect, useReducer, useRef, type ReactElement, type ReactNode } from 'react';
import { AppError, describeError } from '../../contract/errors.ts';
import type { Plan } from '../../contract/plans.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { useConsole } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { NodeSummary } from './NodeSummary.tsx';
import { SecretFields } from './SecretFields.tsx';
import { WaitingFor } from './WaitingFor.tsx';
import { WizardSteps } from './WizardSteps.tsx';
import { wantedSecrets } from './plan-secrets.ts';
import {
  formText,
  type FormValues,
  hasPlan,
  type Issue,
  issueOf,
  openWizard,
  type SecretValues,
  stepWizard,
} from './wizard-state.ts';

export interface PageProps {
  readonly form: FormValues;
  readonly secrets: SecretValues;
  readonly set: (field: string, value: FormValues[string]) => void;
  readonly setSecret: (name: string, value: string) => void;
  /** What is wrong with a field; empty: nothing. */
  readonly issue: (field: string) => string;
  /** What the planner told beside its last refusal; null: nothing. */
  readonly refusal: Readonly<Record<string, unknown>> | null;
}

export interface WizardPage {
  /** In the URL. */
  readonly key: string;
  readonly title: string;
  /** Fields of this page, by name: an issue of one of them leads back here. */
  readonly fields: readonly string[];
  readonly render: (props: PageProps) => ReactNode;
}

export interface Wizard {
  /** With its title. */
  readonly kind: PlanKindFacts;
  readonly pages: readonly WizardPage[];
  readonly initial: FormValues;
  /** Issues of the form as typed; the planner on the server has the last word. */
  readonly check: (form: FormValues, secrets: SecretValues) => readonly Issue[];
  /** The planner's own form. */
  readonly toForm: (form: FormValues) => Record<string, unknown>;
  /** Secrets by the names that the planner uses; those not typed are left out. */
  readonly toSecrets: (form: FormValues, secrets: SecretValues) => Record<string, string>;
  /** What will happen, before there is a plan. */
  readonly outlook: (form: FormValues) => ReactNode;
  /** Beside the plan: what must be looked at first. What is changed there asks for a new plan before it can run. */
  readonly besidePlan?: (plan: Plan, page: Pick<PageProps, 'form' | 'set'>) => ReactNode;
  /** What must be agreed to before it runs, and what is said beside the box; null: nothing. */
  readonly consent?: (plan: Plan) => string | null;
  /** Said while the nodes are looked at: `Reaching 4 nodes and reading their host keys`. */
  readonly planning: (form: FormValues) => string;
}

// What comes after the form is loaded while the plan is made.
const loadPlan = async () => ({ default: (await import('./PlanPreview.tsx')).PlanPreview });
const loadRun = async () => ({ default: (await import('./RunInWizard.tsx')).RunInWizard });
const PlanPreview = lazy(loadPlan);
const RunInWizard = lazy(loadRun);

/** Reaching 1,000 nodes, some of which are off, takes its time; the server keeps its own deadlines. */
const planTimeoutMs = 300_000;

export function WizardShell({ wizard }: { wizard: Wizard }): ReactElement {
  const url = useUrlState();
  const client = useConsole()?.client ?? null;
  const refusal = usePlanRefusal(wizard.kind);
  const [state, dispatch] = useReducer(stepWizard, null, () => openWizard(wizard.initial, wizard.pages.length));
  const latest = useRef(state);
  useEffect(() => {
    latest.current = state;
  });
  const { place, form, secrets, planSecrets, plan, busy } = state;
  const runInUrl = url.get('run');
  const stepInUrl = url.get('step');
  const here = place.at === 'form' ? (wizard.pages[place.page]?.key ?? '') : place.at;

  // The browser's back and forward buttons.
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
            wizard.pages.findIndex(({ key }) => key === stepInUrl),
          ),
        },
      });
  }, [runInUrl, stepInUrl, wizard.pages]);

  // Each step starts at its top, and a screen reader with its heading.
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [here]);

  const goTo = (key: string) => {
    url.set({ step: key === wizard.pages[0]?.key ? null : key, run: null }, { isStep: true });
    const page = wizard.pages.findIndex((each) => each.key === key);
    dispatch({ do: 'go', to: page === -1 ? { at: 'plan' } : { at: 'form', page } });
  };
  /** Shows issues where they belong; whether there were any. */
  const showIssues = (issues: readonly Issue[]): boolean => {
    const [first] = issues;
    if (!first) return false;
    const page = wizard.pages.find(({ fields }) => fields.includes(first.field));
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
    void Promise.allSettled([loadPlan(), loadRun()]);
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
      // Of an entry of a list or record (`uplinks.node3`), the field that has it.
      const named = typeof detail?.['field'] === 'string' ? detail['field'] : '';
      const whole = named.split('.')[0] ?? '';
      const field = wizard.pages.some(({ fields }) => fields.includes(whole)) ? whole : named;
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

  const page = place.at === 'form' ? wizard.pages[place.page] : undefined;
  const names = [
    ...wizard.pages.map(({ key, title }) => ({ key, title })),
    { key: 'plan', title: 'Plan' },
    { key: 'run', title: 'Run' },
  ];
  const at = names.findIndex(({ key }) => key === here);
  const wanted = plan ? wantedSecrets(plan, wizard.toSecrets(form, secrets)) : [];
  const consent = plan ? (wizard.consent?.(plan) ?? null) : null;
  const isAgreed = plan !== null && state.agreedTo === plan.id;
  const runRefusal =
    refusal !== ''
      ? refusal
      : consent !== null && !isAgreed
        ? 'Tick the box above first.'
        : wanted.some(({ name }) => (planSecrets[name] ?? '') === '')
          ? 'Type the passwords above first.'
          : '';
  const formIssue = issueOf(state, '');
  return (
    <>
      <PageHeader title={wizard.kind.title} state={`Step ${at + 1} of ${names.length}: ${names[at]?.title ?? ''}`} />
      <div className="grid min-w-0 flex-1 content-start gap-x-8 gap-y-4 px-4 pb-6 md:px-6 lg:grid-cols-[11rem_minmax(0,1fr)] xl:grid-cols-[11rem_minmax(0,1fr)_22rem]">
        <WizardSteps
          steps={names}
          at={at}
          isReachable={(key) => place.at !== 'run' && (key === 'plan' ? hasPlan(state) : key !== 'run')}
          onGo={goTo}
        />
        <div className={`flex min-w-0 flex-col gap-4 ${place.at === 'run' ? 'xl:col-span-2' : ''}`}>
          <h2 ref={heading} tabIndex={-1} className="text-lg font-semibold outline-none">
            {names[at]?.title}
          </h2>
          {formIssue === null ? null : (
            <Notice state="bad" role="alert" title="That did not work">
              <span className="break-words whitespace-pre-line">{formIssue}</span>
            </Notice>
          )}
          {page ? (
            <form
              className="flex max-w-160 flex-col gap-4"
              autoComplete="off"
              onSubmit={(event) => {
                event.preventDefault();
                const own = wizard.check(form, secrets).filter(({ field }) => page.fields.includes(field));
                if (showIssues(own)) return;
                const next = wizard.pages[wizard.pages.indexOf(page) + 1];
                if (next) goTo(next.key);
                else void makePlan();
              }}
            >
              {page.render({
                form,
                secrets,
                set: (field, value) => {
                  dispatch({ do: 'set', field, value });
                },
                setSecret: (name, value) => {
                  dispatch({ do: 'secret', name, value });
                },
                issue: (field) => issueOf(state, field) ?? '',
                refusal: state.refusal,
              })}
              {busy === 'planning' ? <WaitingFor text={wizard.planning(form)} /> : null}
              <div className="flex flex-wrap gap-2 pt-2">
                {at > 0 ? (
                  <Button
                    onClick={() => {
                      goTo(names[at - 1]?.key ?? '');
                    }}
                  >
                    Back
                  </Button>
                ) : null}
                <Button variant="primary" type="submit" isBusy={busy === 'planning'} disabledReason={refusal}>
                  {at < wizard.pages.length - 1 ? 'Next' : hasPlan(state) ? 'To the plan' : 'Make the plan'}
                </Button>
              </div>
            </form>
          ) : null}
          {place.at === 'plan' && plan ? (
            <form
              className="flex min-w-0 flex-col gap-4"
              autoComplete="off"
              onSubmit={(event) => {
                event.preventDefault();
                if (runRefusal === '' && hasPlan(state)) void start();
              }}
            >
              <Suspense fallback={<SkeletonRows label="The plan is loading" />}>
                <PlanPreview
                  plan={plan}
                  beside={wizard.besidePlan?.(plan, {
                    form,
                    set: (field, value) => {
                      dispatch({ do: 'set', field, value });
                    },
                  })}
                  consent={consent}
                  isAgreed={isAgreed}
                  onAgree={(agrees) => {
                    dispatch({ do: 'agree', plan: agrees ? plan.id : '' });
                  }}
                />
              </Suspense>
              <SecretFields
                wanted={wanted}
                values={planSecrets}
                onChange={(name, value) => {
                  dispatch({ do: 'plan-secret', name, value });
                }}
              />
              <div className="flex flex-wrap gap-2">
                <Button
                  onClick={() => {
                    goTo(wizard.pages.at(-1)?.key ?? '');
                  }}
                >
                  Back
                </Button>
                {hasPlan(state) ? (
                  <Button variant="primary" type="submit" isBusy={busy === 'starting'} disabledReason={runRefusal}>
                    Run it
                  </Button>
                ) : (
                  <Button variant="primary" isBusy={busy === 'planning'} onClick={() => void makePlan()}>
                    Plan again
                  </Button>
                )}
              </div>
            </form>
          ) : null}
          {place.at === 'run' ? (
            <Suspense fallback={<SkeletonRows label="The run is loading" />}>
              <RunInWizard id={place.run} />
            </Suspense>
          ) : null}
        </div>
        {place.at === 'run' ? null : (
          <aside aria-label="What will happen" className="min-w-0 lg:col-start-2 xl:col-start-auto">
            {place.at === 'plan' && plan ? <NodeSummary plan={plan} /> : wizard.outlook(form)}
          </aside>
        )}
      </div>
    </>
  );
}
