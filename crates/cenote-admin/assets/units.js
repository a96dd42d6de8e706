// Numbers as people read them: three digits, a thin space, a unit. What is not known is a dash.

const NARROW = '\u202f';
const NOTHING = '–';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

function digits(value) {
  const places = value >= 99.95 || value === 0 ? 0 : value >= 9.995 ? 1 : 2;
  return places === 0 ? whole.format(value) : value.toFixed(places);
}

/** A number of things. */
export const count = (n) => (Number.isFinite(n) ? whole.format(n) : NOTHING);

/** A duration that was given in milliseconds. */
export function time(ms) {
  if (!Number.isFinite(ms)) return NOTHING;
  const [value, unit] =
    ms === 0 ? [0, 'ms']
    : ms < 0.9995 ? [ms * 1e3, 'µs']
    : ms < 999.5 ? [ms, 'ms']
    : ms < 119_950 ? [ms / 1e3, 's']
    : ms < 7_200_000 ? [ms / 6e4, 'min']
    : [ms / 36e5, 'h'];
  return digits(value) + NARROW + unit;
}

/** How long ago something was, in whole seconds as long as these are few. */
export const ago = (ms) => (ms < 120_000 ? `${Math.max(0, Math.floor(ms / 1e3))}${NARROW}s` : time(ms));

/** So many a second. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return NOTHING;
  return (perSecond > 0 && perSecond < 0.005 ? '< 0.01' : digits(perSecond)) + NARROW + '/s';
}

/** A part of one. */
export function percent(part) {
  if (!Number.isFinite(part)) return NOTHING;
  const value = part * 100;
  const text = value > 0 && value < 0.5 ? '< 1' : value > 99.5 && value < 100 ? '> 99' : value.toFixed(0);
  return text + NARROW + '%';
}

/** How many of how many there may be; `null`: any number. */
export const of = (n, limit) => (limit === null ? count(n) : `${count(n)} of ${count(limit)}`);

const two = (n) => String(n).padStart(2, '0');

/** The time of day of a moment, where the reader is. */
export function clock(at) {
  const day = new Date(at);
  return `${two(day.getHours())}:${two(day.getMinutes())}:${two(day.getSeconds())}`;
}

/** A name in snake case, as words. */
export const words = (name) => String(name).replaceAll('_', ' ');

/** One thing or several. */
export const some = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;
