// What somebody who was woken up needs first: what is wrong, and where. Everything here follows from the document and from
// the one before it; a rule is a sentence that says what is so, with its number.

import { p99, standing, subjects, sum } from './model.js';
import { count, rate, some, time, words } from './units.js';

/** So long something that only happens now and then stays in the list. */
const REMEMBERED = 30_000;
/** Whoever waits longer than this is felt by users; and longer than that is an outage for them. */
const SLOW = 100;
const VERY_SLOW = 1_000;
/** Whoever holds a connection for longer has probably forgotten it. */
const LONG = 60_000;

const ORDER = { bad: 0, warn: 1, info: 2 };

/** Remembers the counters of the last document, and when which of them grew. */
export class Judge {
  #counts = new Map();
  #grown = new Map();

  /** What is wrong, the worst first: `{ key, level, word, subject, text }`. */
  problems(document) {
    const found = subjects(document).flatMap((subject) => {
      const say = (level, word, text, node = '') => ({ key: `${subject.id} ${word} ${node}`, level, word, subject, text });
      return [
        ...(subject.kind === 'cluster' ? ofCluster(subject, say) : []),
        ...ofLife(subject, say),
        ...this.#ofLoad(subject, say, document.at),
      ];
    });
    return found.sort((a, b) => ORDER[a.level] - ORDER[b.level]);
  }

  /** By how much a counter grew when it last did, if that was a moment ago. A counter that fell is that of a new process. */
  #recently(key, value, now) {
    const before = this.#counts.get(key);
    this.#counts.set(key, value);
    if (before !== undefined && value > before) this.#grown.set(key, { at: now, by: value - before });
    const grown = this.#grown.get(key);
    return grown && now - grown.at < REMEMBERED && now >= grown.at ? grown.by : 0;
  }

  #ofLoad(subject, say, now) {
    const found = [];
    const failed = sum(subject, (pool) => pool.rate?.failed);
    // A cluster tries another node; whether that helped shows in what its callers say.
    if (failed > 0) {
      found.push(subject.kind === 'cluster'
        ? say('warn', 'failing', `${rate(failed)} of the acquires at its nodes fail, and are tried at others as far as these can take them`)
        : say('bad', 'failing', `${rate(failed)} of the acquires fail`));
    }

    const wait = subject.wait.recent ? p99(subject.wait) : null;
    const { waiting, using, max } = subject.total;
    if (wait >= SLOW) {
      const all = max !== null && using >= max ? `, and all ${count(max)} connections are lent` : '';
      found.push(say(wait >= VERY_SLOW ? 'bad' : 'warn', 'slow', `one in a hundred waits ${time(wait)} or longer; ${some(waiting, 'caller')} now${all}`));
    } else if (waiting > 0 && subject.state === 'running' && sum(subject, (pool) => pool.rate?.acquired) === 0) {
      found.push(say('bad', 'stuck', `${some(waiting, 'caller waits', 'callers wait')} and nobody is served`));
    }

    const wrong = this.#recently(`${subject.id} permanent`, sum(subject, (pool) => pool.connect_failures.permanent), now);
    const full = this.#recently(`${subject.id} overload`, sum(subject, (pool) => pool.connect_failures.overload), now);
    const error = subject.nodes === null ? subject.members[0].pool.error : null;
    if (wrong) found.push(say('bad', 'refused', `connects fail for good, which takes somebody to put right${error ? `: ${error}` : '; see the events'}`));
    else if (error) found.push(say('bad', 'connects', `connects fail: ${error}`));
    if (full) found.push(say('warn', 'full', 'the server has too many clients and turns connects away'));

    if (this.#recently(`${subject.id} leaked`, sum(subject, (pool) => pool.counts.leaked), now)) {
      found.push(say('warn', 'leak', 'a connection is held for longer than leak_after; see who holds longest'));
    }
    const longest = subject.members.flatMap(({ pool }) => pool.holders).reduce((a, b) => (b.held_ms > (a?.held_ms ?? LONG) ? b : a), null);
    if (longest) found.push(say('warn', 'held', `a connection has been held for ${time(longest.held_ms)}, acquired at ${longest.location}`));
    return found;
  }
}

function ofLife(subject, say) {
  switch (subject.state) {
    case 'running': return [];
    case 'paused': return [say('warn', 'paused', 'nothing is lent until it is resumed; callers wait')];
    case 'draining': return [say('warn', 'draining', 'no new callers; those that wait are still served')];
    case 'closed': return [say('info', 'closed', 'nothing is lent any more')];
    default: return [say('warn', words(subject.state), 'this page does not know this state')];
  }
}

function ofCluster(cluster, say) {
  const found = [];
  const { nodes } = cluster;
  const serving = nodes.filter((node) => node.serves && node.condition !== 'unreachable');
  if (nodes.length > 0 && serving.length === 0) {
    found.push(say('bad', 'down', `none of its ${some(nodes.length, 'node')} can be used: all requests wait or fail`));
  } else if (cluster.noPrimary) {
    found.push(say('bad', 'no primary', `writes wait until there is one, or their deadline passes: ${cluster.noPrimary}`));
  }
  for (const node of nodes) {
    const { level, word, why } = standing(node);
    if (level === 'bad' || level === 'warn') {
      const role = node.role === null ? 'node' : words(node.role);
      found.push(say(level, word, `${role} ${node.key}${why ? `: ${why}` : ''}`, node.key));
    }
  }
  return found;
}
