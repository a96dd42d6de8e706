// The card of a pool or a cluster: the figures that matter first, then its nodes, its last minutes, and what is needed only
// when one looks for a cause.

import * as charts from './charts.js';
import { fill, made, mark, show, sync, write } from './dom.js';
import { holders, p99, standing, sum, tally, worst } from './model.js';
import { onNode, onSubject } from './operate.js';
import { count, of, percent, rate, some, time, words } from './units.js';

const STATES = { running: 'ok', paused: 'warn', draining: 'warn', closed: 'off' };

/** An empty card. */
export function make(subject) {
  const card = made('subject-template');
  const name = card.querySelector('.name');
  card.id = anchor(subject);
  name.id = `${card.id}-name`;
  card.setAttribute('aria-labelledby', name.id);
  write(card.querySelector('.kind'), words(subject.kind));
  write(name, subject.name);
  card.querySelector('header .operate').addEventListener('click', () => onSubject(card.subject));
  charts.place(card.querySelector('.pictures'), subject);
  return card;
}

const anchors = new Map();

/** Where its card is in the page. A name may have anything in it, so it is a number. */
export function anchor(subject) {
  if (!anchors.has(subject.id)) anchors.set(subject.id, `subject-${anchors.size + 1}`);
  return anchors.get(subject.id);
}

/** Writes all figures. `known`: what the whole document says. */
export function update(card, subject, known) {
  card.subject = subject;
  const { total } = subject;
  const many = subject.members.length > 1;
  mark(card.querySelector('.state'), STATES[subject.state] ?? 'warn', words(subject.state));
  show(card.querySelector('header .operate'), known.operations);

  const hold = worst(subject, (pool) => p99(pool.hold));
  const failed = sum(subject, (pool) => pool.rate?.failed);
  fill(card, {
    '.figures .using': of(total.using, total.max),
    '.figures .waiting': count(total.waiting),
    '.figures .acquired': rate(sum(subject, (pool) => pool.rate?.acquired)),
    '.figures .failed': rate(failed),
    '.figures .wait': time(p99(subject.wait)),
    '.figures .hold': time(hold),
    '.hold-label': subject.members.every(({ pool }) => pool.hold.count === 0) ? 'Held: none measured' : many ? 'Held, 99 %, worst node' : 'Held, 99 %',
  });
  card.querySelector('.figures .failed').dataset.level = failed > 0 ? 'bad' : '';
  meter(card, total);
  nodes(card, subject, known);
  depth(card, subject, many);
}

/** How the connections are divided, as one bar. */
function meter(card, total) {
  const busy = total.connecting + total.testing + total.resetting + total.closing;
  const all = Math.max(total.max ?? 0, total.size, 1);
  const bar = card.querySelector('.meter');
  const parts = { '.using': total.using, '.busy': busy, '.available': total.available };
  for (const [part, n] of Object.entries(parts)) bar.querySelector(part).style.width = `${(100 * n) / all}%`;
  const told = [
    `${count(total.size)} of ${total.max === null ? 'any number of' : `at most ${count(total.max)}`} connections`,
    `${count(total.using)} in use`,
    `${count(total.available)} idle`,
    ...['connecting', 'testing', 'resetting', 'closing'].filter((what) => total[what] > 0).map((what) => `${count(total[what])} ${what}`),
    ...(total.sharers > 0 ? [some(total.sharers, 'sharer')] : []),
    ...(total.idle_in_transaction > 0 ? [`${count(total.idle_in_transaction)} idle in a transaction`] : []),
    `${count(total.peak_waiting)} waited at once at most`,
  ].join(', ');
  bar.setAttribute('aria-label', told);
  write(card.querySelector('.counts'), told);
}

function nodes(card, subject, known) {
  show(card.querySelector('.nodes'), subject.nodes !== null);
  if (subject.nodes === null) return;
  const make = () => {
    const row = made('node-template');
    row.querySelector('.operate').addEventListener('click', () => onNode(card.subject, row.node));
    return row;
  };
  sync(card.querySelector('.nodes tbody'), subject.nodes, (node) => node.key, make, (row, node, at) => {
    row.node = node;
    const { level, word, why } = standing(node);
    const { pool } = node;
    row.dataset.level = level;
    row.dataset.key = node.key;
    row.querySelector('.swatch').dataset.series = at % 8;
    mark(row.querySelector('.badge'), level, word);
    const slower = node.share < 1 ? ` × ${percent(node.share)}` : '';
    fill(row, {
      '.key': node.key,
      '.role': node.role === null ? 'role unknown' : words(node.role),
      '.why': why,
      '.traffic': percent(node.traffic),
      '.using': of(pool.status.using, pool.status.max),
      '.waiting': count(node.waiting),
      '.wait': time(p99(pool.wait)),
      '.lag': time(node.lag_ms),
      '.weight': count(node.weight) + slower,
    });
    const button = row.querySelector('.operate');
    show(button, known.operations);
    button.setAttribute('aria-label', `Operate node ${node.key}`);
  });
  sync(card.querySelector('.sources'), subject.sources, (source) => source.name, () => document.createElement('li'), (item, source) => {
    write(item, `Nodes come from ${source.name}: ${source.note}`);
  });
}

/** What is needed when one looks for a cause; nobody writes it while it is folded. */
function depth(card, subject, many) {
  const depth = card.querySelector('.depth');
  if (!depth.open) return;
  times(depth, subject, many);
  const held = holders(subject);
  show(depth.querySelector('.holders'), held.length > 0);
  show(depth.querySelector('.none'), held.length === 0);
  sync(depth.querySelector('.holders tbody'), held, (holder) => `${holder.of} ${holder.connection}`, () => made('holder-template'), (row, holder) =>
    fill(row, {
      '.held': time(holder.held_ms),
      '.place': holder.location,
      '.connection': many ? `${holder.connection} of ${holder.of}` : String(holder.connection),
    }));
  const counted = (name) => sum(subject, (pool) => pool.counts[name]);
  list(depth.querySelector('.acquires'), [
    ['got a connection', counted('acquired')], ['of these without waiting', counted('hits')],
    ...['timed_out', 'failed', 'rejected', 'refused', 'cancelled', 'closed', 'slow', 'stale_grants', 'leaked']
      .map((name) => [words(name), counted(name)]).filter(([, n]) => n > 0),
  ]);
  list(depth.querySelector('.connects'), [
    ['begun', counted('connects')], ['succeeded', counted('connected')],
    ...tally(subject, (pool) => pool.connect_failures).map(([why, n]) => [`failed, ${words(why)}`, n]),
  ]);
  const closes = tally(subject, (pool) => pool.closes).map(([why, n]) => [words(why), n]);
  list(depth.querySelector('.closes'), closes.length > 0 ? closes : [['none', 0]]);
}

/** Percentiles of the last second beside those since the start. */
function times(depth, subject, many) {
  const rows = subject.members.flatMap(({ label, pool }) =>
    [['wait', 'Wait'], ['hold', 'Held'], ['connect', 'Connect']]
      .map(([name, what]) => ({ what: many ? `${what}, ${label}` : what, all: pool[name] })));
  if (many) rows.unshift({ what: 'Wait, all nodes', all: subject.wait });
  sync(depth.querySelector('.times tbody'), rows, (row) => row.what, () => made('times-template'), (item, { what, all }) => {
    const { recent } = all;
    const known = (times, ms) => time(times?.count > 0 ? ms : null);
    fill(item, {
      '.what': what,
      '.recent-count': count(recent?.count),
      '.recent-p50': known(recent, recent?.p50_ms),
      '.recent-p95': known(recent, recent?.p95_ms),
      '.recent-p99': known(recent, recent?.p99_ms),
      '.count': count(all.count),
      '.p50': known(all, all.p50_ms),
      '.p95': known(all, all.p95_ms),
      '.p99': known(all, all.p99_ms),
      '.max': known(all, all.max_ms),
    });
  });
}

function list(parent, pairs) {
  const make = () => {
    const pair = document.createElement('div');
    pair.append(document.createElement('dt'), document.createElement('dd'));
    return pair;
  };
  sync(parent, pairs, ([name]) => name, make, (pair, [name, n]) => fill(pair, { dt: name, dd: count(n) }));
}
