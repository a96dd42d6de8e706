// What changes something. Each operation says in a dialog what will happen before it happens, and then what the server
// answered, in the server's own words. The token lives in this module's memory and nowhere else: a stored one would outlive
// the night in which it was needed, and one in an address would be written into logs.

import { $, made, show, sync, write } from './dom.js';
import { count } from './units.js';

let token = null;

const NUMBER = { min: 0, step: 1 };

/** Of a pool, or of a node's pool: a cluster has a limit for each of its nodes. */
const RESIZE = {
  op: 'resize', text: 'Change the limit', number: 'At most so many connections',
  what: (name) => `${name} opens at most so many connections from now on. If that is fewer than there are, idle ones are closed at once and lent ones as they come back.`,
};

const ON_SUBJECT = [
  {
    op: 'pause', text: 'Pause', when: (subject) => subject.state === 'running',
    what: (name) => `${name} lends nothing until you resume it: new callers wait, up to their deadlines. What is lent stays lent.`,
  },
  {
    op: 'resume', text: 'Resume', when: (subject) => subject.state === 'paused',
    what: (name) => `${name} lends again. Those who wait are served first, in their order.`,
  },
  {
    ...RESIZE, when: (subject) => subject.kind === 'pool' && subject.state === 'running', value: (subject) => subject.total.max ?? subject.total.size,
  },
  {
    op: 'clear', text: 'Clear', when: (subject) => subject.state === 'running',
    what: (name) => `All connections of ${name} are replaced: idle ones are closed now, lent ones as they come back. For a moment acquires wait for new ones.`,
  },
];

const ON_NODE = [
  {
    op: 'drain_node', text: 'Drain',
    what: (name) => `${name} gets nothing new until it is restored, and what is lent may finish; the answer comes when it has, or after half a minute. If it is the only one of its kind, callers wait.`,
  },
  {
    op: 'eject_node', text: 'Eject',
    what: (name) => `Nothing is sent to ${name} until it is restored. Who waits there is sent to other nodes, and its connections stay. If it is the only one of its kind, callers wait.`,
  },
  {
    op: 'restore_node', text: 'Restore',
    what: (name) => `${name} may be used again, as soon as it can be connected to. If it was out for errors, it starts slowly.`,
  },
  {
    op: 'set_weight', text: 'Set its weight', number: 'Weight', value: (node) => node.weight,
    what: (name) => `${name} gets a share of the traffic by this weight, beside those of the other nodes. With 0 it gets nothing.`,
  },
  { ...RESIZE, value: (node) => node.pool.status.max ?? node.pool.status.size },
];

const dialog = $('operate');
const form = $('operate-form');
let open = null;

/** Asks what to do with a pool or a cluster. */
export function onSubject(subject) {
  const state = `It is ${subject.state}: ${count(subject.total.using)} in use, ${count(subject.total.waiting)} waiting, limit ${subject.total.max === null ? 'none' : count(subject.total.max)}.`;
  const choices = ON_SUBJECT.filter((one) => one.when(subject));
  ask(`${subject.kind === 'cluster' ? 'Cluster' : 'Pool'} ${subject.name}`, state, subject.name, subject, choices, { target: subject.name });
}

/** Asks what to do with a node. */
export function onNode(subject, node) {
  const state = `It is ${node.condition.replaceAll('_', ' ')}: ${count(node.in_use)} in use, ${count(node.waiting)} waiting, weight ${count(node.weight)}.`;
  ask(`Node ${node.key} of ${subject.name}`, state, node.key, node, ON_NODE, { target: subject.name, node: node.key });
}

/** Asks whether one of the service's actions is to be carried out, or does so if it is one of those that harm nobody. */
function onAction(action) {
  if (action.open) {
    const button = `${action.label}: `;
    tell($('action-answer'), null, `${button}…`);
    post(`actions/${encodeURIComponent(action.name)}`, null).then(({ ok, said }) => tell($('action-answer'), ok, button + said));
    return;
  }
  const one = { action: action.name, text: action.label, what: () => `The service carries out “${action.label}”.` };
  ask(action.label, action.group ? `One of this service's actions, ${action.group}.` : "One of this service's actions.", '', {}, [one], {});
}

function ask(title, now, name, about, choices, request) {
  open = { name, about, choices, request, chosen: null, done: false };
  write($('operate-title'), title);
  write($('operate-now'), now);
  show($('operate-choice'), choices.length > 1);
  const fieldset = $('operate-choice');
  for (const old of fieldset.querySelectorAll('label')) old.remove();
  choices.forEach((choice, at) => {
    const label = made('option-template');
    const radio = label.querySelector('input');
    radio.value = String(at);
    write(label.querySelector('.text'), choice.text);
    radio.addEventListener('change', () => choose(choice));
    fieldset.append(label);
    if (choice.number) {
      const number = Object.assign(document.createElement('input'), { type: 'number', required: true, ...NUMBER, className: 'value' });
      number.value = choice.value(about);
      number.setAttribute('aria-label', choice.number);
      // Who writes a number means it.
      number.addEventListener('focus', () => { radio.checked = true; choose(choice); });
      label.append(' ', number);
      choice.input = number;
    }
  });
  show($('operate-answer'), false);
  show($('operate-token-row'), token === null);
  $('operate-token').value = '';
  write($('operate-close'), 'Cancel');
  choose(choices.length === 1 ? choices[0] : null);
  dialog.showModal();
}

function choose(choice) {
  open.chosen = choice;
  const go = $('operate-go');
  show(go, true);
  go.disabled = choice === null;
  write(go, choice === null ? 'Choose one' : choice.text);
  write($('operate-what'), choice === null ? '' : choice.what(open.name));
}

form.addEventListener('submit', async (event) => {
  // It closes when somebody has read the answer.
  event.preventDefault();
  const mine = open;
  const { chosen } = mine;
  if (chosen === null || mine.sent) return;
  mine.sent = true;
  const given = $('operate-token').value;
  const go = $('operate-go');
  go.disabled = true;
  tell($('operate-answer'), null, 'Asking the server …');
  const value = chosen.input ? { value: chosen.input.valueAsNumber } : {};
  const request = chosen.action ? null : { op: chosen.op, ...mine.request, ...value };
  const address = chosen.action ? `actions/${encodeURIComponent(chosen.action)}` : 'operations';
  const { ok, status, said } = await post(address, request, given || token);
  // The server has said that it knows this token, or that it does not.
  if (ok && given) keep(given);
  if (status === 401) keep(null);
  if (mine !== open) return;
  mine.sent = false;
  tell($('operate-answer'), ok, said);
  write($('operate-close'), ok ? 'Close' : 'Cancel');
  show(go, !ok);
  go.disabled = false;
  show($('operate-token-row'), token === null && !ok);
  if (ok) $('operate-close').focus();
  else if (status === 401) $('operate-token').focus();
});

$('operate-close').addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => {
  $('operate-token').value = '';
  open = null;
});

$('key-forget').addEventListener('click', () => keep(null));

function keep(known) {
  token = known;
  show($('key'), token !== null);
  write($('key-text'), token === null ? '' : 'This page has the token.');
}

/** Says what came of it; `ok` is null while nobody knows. */
function tell(element, ok, text) {
  element.dataset.level = ok === null ? 'info' : ok ? 'ok' : 'bad';
  write(element, text);
  show(element, true);
}

/** Sends something, and gives what the server said: `{ ok, status, said }`. */
async function post(address, body, bearer = token) {
  const headers = { 'Content-Type': 'application/json' };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  let answer;
  try {
    answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body ?? {}), credentials: 'omit', cache: 'no-store' });
  } catch {
    return { ok: false, status: 0, said: 'The server cannot be reached, so nobody knows whether it was done: look at the figures before you try again.' };
  }
  const said = await answer.json().catch(() => ({}));
  const sentence = said.done ?? said.error ?? `The server answered ${answer.status} and no sentence.`;
  const refused = answer.status === 401 || answer.status === 403;
  return { ok: answer.ok, status: answer.status, said: refused ? `Not done: ${sentence}` : sentence };
}

/** The buttons of the service's actions, in their groups. */
export function actions(all) {
  show($('actions'), all.length > 0);
  const groups = new Map();
  for (const action of all) groups.set(action.group ?? '', [...(groups.get(action.group ?? '') ?? []), action]);
  const makeGroup = () => {
    const group = document.createElement('div');
    group.className = 'group';
    group.setAttribute('role', 'group');
    const title = document.createElement('h3');
    const buttons = document.createElement('div');
    buttons.className = 'buttons';
    group.append(title, buttons);
    return group;
  };
  const makeButton = () => {
    const button = document.createElement('button');
    button.type = 'button';
    button.addEventListener('click', () => onAction(button.action));
    return button;
  };
  sync($('action-groups'), [...groups], ([name]) => name, makeGroup, (group, [name, inIt]) => {
    const [title, buttons] = group.children;
    write(title, name);
    // The section is called so already.
    show(title, name !== '' && name !== 'Actions');
    group.setAttribute('aria-label', name || 'Actions');
    sync(buttons, inIt, (action) => action.name, makeButton, (button, action) => {
      button.action = action;
      button.dataset.action = action.name;
      write(button, action.open ? action.label : `${action.label}…`);
    });
  });
}
