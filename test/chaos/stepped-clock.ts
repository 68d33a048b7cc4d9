/** A wall clock that can be set: loaded before anything that reads it. Monotonic time stays as it is, as on a real machine. */
const real = Date.now;
const RealDate = Date;
let byMs = 0;

Date.now = () => real() + byMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, as) =>
    Reflect.construct(
      target,
      given.length === 0 ? [Date.now()] : given,
      as === globalThis.Date ? target : as,
    ),
  apply: () => new RealDate(Date.now()).toString(),
});

/** From now on so far from the machine's clock. */
export function stepClock(to: number): void {
  byMs = to;
}
