// Time of a simulation: one virtual clock for everything, and on top of it what one process sees of it:
// a process that is dead hears no timer, one that is stopped hears it later, and each machine has a wall
// clock of its own, which may be wrong.

import { type Clock, sleepWith } from "../../src/base/clock.ts";
import { FakeClock } from "../unit/base/fake-clock.ts";
import type { Chance } from "../model/chance.ts";

export class VirtualClock extends FakeClock {
  /** Runs the next timer that is due by then; false when there is none. */
  next(until: number): boolean {
    return this.fire(until);
  }
}

/** One run of a program: what reaches it, and at which of its steps it dies. */
export class Process {
  readonly name: string;
  #state: "runs" | "stopped" | "dead" = "runs";
  #waiting: (() => void)[] = [];
  #steps = 0;
  readonly #mourners: (() => void)[] = [];
  #death: { step: number; when: "before" | "after" | "meanwhile"; done: () => void } | undefined;
  #trap: { step: string; after: boolean; done: () => void } | undefined;
  /** Set whenever something has reached it: its consequences must be awaited. */
  static touched = false;

  constructor(name: string) {
    this.name = name;
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  get runs(): boolean {
    return this.#state === "runs";
  }

  /** Hands something to the process. */
  deliver(run: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "stopped") return void this.#waiting.push(run);
    Process.touched = true;
    run();
  }

  /** Something that the process does to the world; it may die, or be stopped, just before or just after it. */
  act(effect: () => void, step = ""): void {
    if (this.#state === "dead") return;
    if (this.#trap !== undefined && this.#trap.step === step) return this.#fall(effect);
    if (++this.#steps !== this.#death?.step) return effect();
    const { done, when } = this.#death;
    this.#death = undefined;
    if (when === "after") effect();
    done();
    // Done, and the answer finds nobody who hears it for a while.
    if (when === "meanwhile") effect();
  }

  /** Calls `done` at the `inSteps`th next step, and the step is done only if it is `after`. */
  dieIn(inSteps: number, after: boolean, done: () => void): void {
    this.#death = { step: this.#steps + inSteps, when: after ? "after" : "before", done };
  }

  /** Calls `done`, which ends or stops it, at its next step of that name: "before PUT leases", "after PUT leases". */
  trap(step: string, done: () => void): void {
    const after = step.startsWith("after ");
    this.#trap = { step: step.replace(/^(after|before) /, ""), after, done };
  }

  #fall(effect: () => void): void {
    const { after, done = () => {} } = this.#trap ?? {};
    this.#trap = undefined;
    done();
    // Done, and the answer finds nobody who hears it; or done when it goes on.
    if (after === true) effect();
    else this.deliver(effect);
  }

  /** Calls `done`, which stops it, in the middle of the `inSteps`th next step. */
  stopIn(inSteps: number, done: () => void): void {
    this.#death = { step: this.#steps + inSteps, when: "meanwhile", done };
  }

  whenDead(run: () => void): void {
    this.#mourners.push(run);
  }

  kill(): void {
    this.#state = "dead";
    for (const run of this.#mourners.splice(0)) run();
    this.#waiting = [];
  }

  stop(): void {
    if (this.#state === "runs") this.#state = "stopped";
  }

  resume(): void {
    if (this.#state !== "stopped") return;
    this.#state = "runs";
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) this.deliver(run);
  }
}

/** The clock of a process on a machine. */
export class ProcessClock implements Clock {
  readonly #base: VirtualClock;
  readonly #process: Process;
  readonly #machine: { wallOffsetMs: number; slowness: number };
  readonly #chance: Chance;

  constructor(
    base: VirtualClock,
    process: Process,
    how: { machine: { wallOffsetMs: number; slowness: number }; chance: Chance },
  ) {
    this.#base = base;
    this.#process = process;
    this.#machine = how.machine;
    this.#chance = how.chance;
  }

  now(): number {
    return this.#base.now() + this.#machine.wallOffsetMs;
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  random(): number {
    return this.#chance.next();
  }

  /** On a busy machine a short sleep takes longer. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    const late = ms < 1_000 ? ms * this.#machine.slowness : ms;
    return sleepWith((after, run) => this.setTimer(after, run), late, signal);
  }

  setTimer(ms: number, run: () => void): () => void {
    return this.#base.setTimer(Math.max(0, ms), () => this.#process.deliver(run));
  }
}
