// What happened, newest first. The list is bounded, can be narrowed, and can be told to hold still while somebody reads.

import { $, made, mark, show, sync, write } from './dom.js';
import { clock, some } from './units.js';

/** How many are kept, and how many of these are shown at once. */
const KEPT = 1_000;
const SHOWN = 200;

const WORSE = ['trace', 'info', 'warn', 'error'];
const WORDS = { trace: ['off', 'routine'], info: ['info', 'info'], warn: ['warn', 'warning'], error: ['bad', 'error'] };

const all = new Map();
let newest = 0;
let dirty = false;

/** A stream begins: its numbers may be those of another process, so the list begins anew with its first document. */
let anew = true;
export function began() {
  anew = true;
}

/** Takes the entries of a document. */
export function take(entries) {
  if (anew) {
    all.clear();
    newest = 0;
    anew = false;
  }
  entries.forEach(add);
  draw();
}

/** Takes one entry, as it happens. */
export function add(entry) {
  if (all.has(entry.n)) return;
  all.set(entry.n, entry);
  newest = Math.max(newest, entry.n);
  // What is routine pushes nothing else out.
  const like = [...all.values()].filter(({ level }) => (level === 'trace') === (entry.level === 'trace'));
  if (like.length > KEPT) all.delete(like[0].n);
  if (dirty) return;
  dirty = true;
  // Once for all that come in one go.
  requestAnimationFrame(draw);
}

let held = null;

function draw() {
  dirty = false;
  const hold = $('events-hold').checked;
  if (!hold) held = null;
  else held ??= newest;
  names();
  const least = WORSE.indexOf($('events-level').value);
  const of = $('events-of').value;
  const fits = (entry) => WORSE.indexOf(entry.level) >= least && (of === '' || entry.of === of);
  const fitting = [...all.values()].filter(fits).sort((a, b) => b.n - a.n);
  const shown = fitting.filter((entry) => held === null || entry.n <= held);
  sync($('events-list'), shown.slice(0, SHOWN), (entry) => entry.n, () => made('event-template'), (item, entry) => {
    const [level, word] = WORDS[entry.level] ?? ['off', entry.level];
    const when = item.querySelector('time');
    write(when, clock(entry.at));
    when.dateTime = new Date(entry.at).toISOString();
    mark(item.querySelector('.badge'), level, word);
    write(item.querySelector('.text'), entry.text);
  });
  const newer = fitting.length - shown.length;
  const note =
    all.size === 0 ? 'Nothing has happened yet.'
    : [...all.values()].every(({ level }) => level === 'trace') && fitting.length === 0 ? 'Nothing but connections that came and went as they should.'
    : fitting.length === 0 ? `None of the ${some(all.size, 'event')} fits.`
    : newer > 0 ? `${some(newer, 'event')} since you said hold still.`
    : shown.length > SHOWN ? `The last ${SHOWN} of ${shown.length}.`
    : '';
  show($('events-note'), note !== '');
  write($('events-note'), note);
}

/** The names that one can choose from. */
function names() {
  const known = [...new Set([...all.values()].map((entry) => entry.of))].sort();
  const select = $('events-of');
  const there = [...select.options].slice(1).map((option) => option.value);
  if (known.length === there.length && known.every((name, at) => name === there[at])) return;
  const chosen = select.value;
  while (select.options.length > 1) select.remove(1);
  for (const name of known) select.add(new Option(name, name));
  select.value = known.includes(chosen) ? chosen : '';
}

for (const id of ['events-level', 'events-of', 'events-hold']) $(id).addEventListener('change', draw);
