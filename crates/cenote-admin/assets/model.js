// A pool and a cluster as one thing to show: a cluster has nodes, whose pools are its members; a pool is its own only
// member.

import { percent, time, words } from './units.js';

/** All that the document tells of, clusters first, in the document's order. */
export function subjects(document) {
  const clusters = (document.clusters ?? []).map((cluster) => ({
    id: `cluster ${cluster.name}`,
    kind: 'cluster',
    name: cluster.name,
    state: cluster.state,
    total: cluster.total,
    wait: cluster.wait,
    noPrimary: cluster.no_primary,
    nodes: cluster.nodes,
    sources: cluster.sources ?? [],
    members: cluster.nodes.map((node) => ({ label: node.key, pool: node.pool })),
  }));
  const pools = (document.pools ?? []).map((pool) => ({
    id: `pool ${pool.name}`,
    kind: 'pool',
    name: pool.name,
    state: pool.status.state,
    total: pool.status,
    wait: pool.wait,
    noPrimary: null,
    nodes: null,
    sources: [],
    members: [{ label: pool.name, pool }],
  }));
  return [...clusters, ...pools];
}

/** The sum of a number over the members. */
export const sum = (subject, number) =>
  subject.members.reduce((all, member) => all + (number(member.pool) ?? 0), 0);

/** The worst of a number over the members, or null if none has it. */
export function worst(subject, number) {
  const known = subject.members.map((member) => number(member.pool)).filter(Number.isFinite);
  return known.length ? Math.max(...known) : null;
}

/** What 99 in 100 took no longer than: in the last interval if that is known, else since the start. Of nothing: null. */
export function p99(times) {
  const figures = times?.recent ?? times;
  return figures?.count > 0 ? figures.p99_ms : null;
}

/** Tables of names and numbers of all members, added up: the largest first. */
export function tally(subject, table) {
  const all = new Map();
  for (const { pool } of subject.members) {
    for (const [name, n] of Object.entries(table(pool) ?? {})) {
      if (n > 0) all.set(name, (all.get(name) ?? 0) + n);
    }
  }
  return [...all].sort((a, b) => b[1] - a[1]);
}

/** Who holds longest, whatever the member. */
export const holders = (subject) =>
  subject.members
    .flatMap(({ label, pool }) => pool.holders.map((holder) => ({ ...holder, of: label })))
    .sort((a, b) => b.held_ms - a.held_ms)
    .slice(0, 10);

const CONDITIONS = {
  new: ['off', 'not connected yet'],
  online: ['ok', 'online'],
  suspect: ['info', 'suspect'],
  ejected: ['bad', 'ejected'],
  half_open: ['warn', 'trying again'],
  slow_start: ['info', 'slow start'],
  unreachable: ['bad', 'unreachable'],
};

/** How a node stands: the badge's level and word, and the reason in words. */
export function standing(node) {
  const [level, word] = CONDITIONS[node.condition] ?? ['warn', words(node.condition)];
  const state = node.pool.status.state;
  if (node.by_hand) return { level: 'warn', word: words(node.by_hand), why: 'taken out by hand' };
  if (state !== 'running' && level !== 'bad') {
    return { level: 'off', word: state, why: node.error ?? `its pool is ${state}` };
  }
  const because =
    node.error
    ?? (node.condition === 'slow_start' ? `back, and counts ${percent(node.share)} of its weight for now` : null)
    ?? (node.condition === 'suspect' ? 'its last request failed' : null)
    ?? (node.condition === 'ejected' ? 'out for its errors' : null)
    ?? (node.condition === 'half_open' ? 'one request may try it' : null);
  if (node.lagging && level !== 'bad') return { level: 'warn', word: 'lagging', why: `${time(node.lag_ms)} behind: too far for reads` };
  if (!node.serves && level !== 'bad' && node.condition !== 'new') {
    return { level: 'warn', word: 'out', why: because ?? 'nothing is sent to it' };
  }
  if (node.serves && level === 'bad') {
    return { level, word, why: `${because}; it still serves, since too many others are out` };
  }
  return { level, word, why: because ?? '' };
}
