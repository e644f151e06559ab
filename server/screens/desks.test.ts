import { describe, expect, it } from 'vitest';
import { Desks, type Seat } from './desks.ts';

const desks = () => {
  const all = new Desks();
  const told = new Map<string, string>();
  const events: string[] = [];
  const sit = (name: string, { console = 'vnc', mayInput = true, vm = 'web1' } = {}): Seat =>
    all.sit(vm, {
      ...{ name, console, mayInput },
      onLost: () => void events.push(`${name} lost it`),
      onChange: (watchers) => {
        told.set(
          name,
          watchers.map((each) => `${each.isYou ? '>' : ''}${each.name}${each.hasKeyboard ? '*' : ''}`).join(' '),
        );
        events.push(`${name} told`);
      },
    });
  return { sit, told, events };
};

describe('the keyboard of a console', () => {
  it('is of the first who may input; another one takes it, and both hear so', () => {
    const { sit, told, events } = desks();
    const vic = sit('vic', { mayInput: false });
    const ann = sit('ann');
    const bob = sit('bob');
    expect([vic, ann, bob].map(({ hasKeyboard }) => hasKeyboard)).toEqual([false, true, false]);
    expect(Object.fromEntries(told)).toEqual({ vic: '>vic ann* bob', ann: 'vic >ann* bob', bob: 'vic ann* >bob' });
    events.length = 0;
    expect(bob.take()).toBe(true);
    expect(events).toEqual(['ann lost it', 'vic told', 'ann told', 'bob told']);
    expect(told.get('ann')).toBe('vic >ann bob*');
    expect([ann.hasKeyboard, bob.hasKeyboard]).toEqual([false, true]);
    expect([bob.take(), vic.take()]).toEqual([false, false]);
    expect(vic.hasKeyboard).toBe(false);
  });

  it('goes to the next in line when its owner leaves, and to nobody who only looks', () => {
    const { sit, told } = desks();
    const ann = sit('ann');
    sit('vic', { mayInput: false });
    const bob = sit('bob');
    ann.leave();
    ann.leave();
    expect(told.get('vic')).toBe('>vic bob*');
    bob.leave();
    expect(told.get('vic')).toBe('>vic');
    expect([bob.take(), bob.hasKeyboard]).toEqual([false, false]);
    expect(sit('eve').hasKeyboard).toBe(true);
  });

  it('is another one on each console of a VM, and on each VM', () => {
    const { sit, told } = desks();
    expect(sit('ann').hasKeyboard).toBe(true);
    expect(sit('bob', { console: 'serial0' }).hasKeyboard).toBe(true);
    expect(sit('eve', { vm: 'web2' }).hasKeyboard).toBe(true);
    // All of its consoles hear who looks at the VM.
    expect(told.get('ann')).toBe('>ann* bob*');
    expect(told.get('eve')).toBe('>eve*');
  });
});
