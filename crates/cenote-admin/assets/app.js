// The page: it follows the stream and hands each document to those who show it.

import * as charts from './charts.js';
import { $, fill, made, mark, show, sync, write } from './dom.js';
import * as events from './events.js';
import { follow } from './live.js';
import { subjects, sum } from './model.js';
import { actions } from './operate.js';
import { anchor, make, update } from './subject.js';
import { ago, clock, rate, some } from './units.js';
import { Judge } from './verdict.js';

/** The version of the document that this page reads. */
const VERSION = 1;

const judge = new Judge();
let known = null;
let link = { connected: false, since: null, retryAt: null };

function draw(document) {
  known = document;
  if (document.version !== VERSION) {
    verdict('warn', 'This page is older than the service', `It reads version ${VERSION} of the figures, and these are of version ${document.version}: reload it.`, []);
    return;
  }
  const all = subjects(document);
  judged(judge.problems(document), all);
  actions(document.actions ?? []);
  sync($('subjects'), all, (subject) => subject.id, make, (card, subject) => update(card, subject, document));
  events.take(document.log ?? []);
  charts.refresh();
  write($('foot'), document.operations
    ? 'Operations ask for the token that this service was given.'
    : 'Operations are off: this service was given no token.');
}

// What is unfolded is filled at once.
$('subjects').addEventListener('toggle', () => known && draw(known), true);

function judged(problems, all) {
  const worst = problems[0]?.level;
  const wrong = problems.filter(({ level }) => level !== 'info').length;
  const acquired = all.reduce((n, subject) => n + sum(subject, (pool) => pool.rate?.acquired), 0);
  const note = all.length === 0 ? 'This service has registered no pool and no cluster.' : `${some(all.length, 'pool or cluster', 'pools and clusters')}, ${rate(acquired)} acquired.`;
  const title =
    all.length === 0 ? 'Nothing to show'
    : wrong === 0 ? 'Nothing is wrong'
    : wrong === 1 ? 'One thing is wrong'
    : `${some(wrong, 'thing')} are wrong`;
  verdict(worst ?? 'ok', title, note, problems);
}

const LEVELS = { bad: '▲', warn: '▲', info: '●', ok: '●' };

function verdict(level, title, note, problems) {
  $('verdict').dataset.level = level;
  write($('verdict-title'), title);
  write($('verdict-note'), note);
  sync($('problems'), problems, (problem) => problem.key, () => made('problem-template'), (item, problem) => {
    mark(item.querySelector('.badge'), problem.level, problem.word);
    const of = item.querySelector('.of');
    write(of, problem.subject.name);
    of.href = `#${anchor(problem.subject)}`;
    fill(item, { '.text': problem.text });
  });
  headline();
}

/** The title of the tab: it can be read without the page. */
function headline() {
  const { level } = $('verdict').dataset;
  document.title = link.connected ? `${LEVELS[level] ?? '○'} ${$('verdict-title').textContent} – Cenote` : '○ Not connected – Cenote';
}

function linked(now) {
  const changed = now.connected !== link.connected || document.body.dataset.link === 'connecting';
  link = now;
  if (changed) {
    document.body.dataset.link = link.connected ? 'live' : 'lost';
    mark($('link-badge'), link.connected ? 'ok' : 'bad', link.connected ? 'live' : 'not connected');
    show($('retry'), !link.connected);
    headline();
  }
  tick();
}

/** What the passing of time alone changes. It is no news, so the text beside the badge is not read aloud. */
function tick() {
  const text = $('link-text');
  if (link.connected) {
    write(text, clock(link.since));
  } else if (link.retryAt !== null) {
    const wait = Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1_000));
    const since = link.since === null ? 'no figures came so far' : `since ${clock(link.since)}, ${ago(Date.now() - link.since)} ago: all figures are of then`;
    write(text, `${since}; ${wait > 0 ? `next try in ${wait} s` : 'trying now'}`);
  }
}

setInterval(tick, 1_000);

const stream = follow('live', { opened: events.began, status: draw, log: events.add, link: linked });
$('retry').addEventListener('click', stream.now);
