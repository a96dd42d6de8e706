// The pictures of the last five minutes. The server draws them from its own history, so a page that was opened a moment ago
// shows what was before; the style sheet gives the colours. A picture is asked for only while it can be seen.

import { write } from './dom.js';

const EVERY = 2_000;
const KINDS = {
  connections: 'Connections',
  wait: 'Wait for a connection',
  traffic: 'Share of traffic',
};

/** What a picture may have in it: shapes and text, and no attribute that runs or fetches something. */
const SHAPES = new Set(['svg', 'g', 'title', 'desc', 'rect', 'line', 'polyline', 'polygon', 'circle', 'path', 'text']);
const ATTRIBUTES = new Set([
  'viewBox', 'role', 'class', 'x', 'y', 'x1', 'y1', 'x2', 'y2', 'cx', 'cy', 'r', 'dx', 'dy', 'd', 'points', 'width', 'height',
  'fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'text-anchor', 'font-size', 'font-weight', 'transform',
]);

const pictures = new Set();
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) target.seen = isIntersecting;
});

/** Puts the places for a subject's pictures into an element. */
export function place(parent, subject) {
  const kinds = subject.kind === 'cluster' ? ['connections', 'wait', 'traffic'] : ['connections', 'wait'];
  for (const kind of kinds) {
    const figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    const box = document.createElement('div');
    box.className = 'picture';
    write(caption, KINDS[kind]);
    figure.append(caption, box);
    parent.append(figure);
    figure.address = `charts/${kind}.svg?of=${encodeURIComponent(subject.name)}`;
    figure.asked = 0;
    pictures.add(figure);
    watcher.observe(figure);
  }
}

/** Asks for those that can be seen and are old. */
export function refresh() {
  const now = Date.now();
  for (const figure of pictures) {
    if (!figure.isConnected) {
      pictures.delete(figure);
      watcher.unobserve(figure);
    } else if (figure.seen && !document.hidden && !figure.asking && now - figure.asked >= EVERY - 100) {
      figure.asked = now;
      ask(figure);
    }
  }
}

async function ask(figure) {
  figure.asking = true;
  const box = figure.lastElementChild;
  try {
    const answer = await fetch(figure.address, { cache: 'no-store' });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const picture = read(await answer.text());
    box.replaceChildren(picture);
  } catch (error) {
    // The old picture would look like a new one.
    box.replaceChildren(Object.assign(document.createElement('p'), { className: 'muted', textContent: `No picture: ${error.message}.` }));
  } finally {
    figure.asking = false;
  }
}

/** The picture in this text, with nothing in it but what pictures have. */
function read(text) {
  const parsed = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  if (parsed.localName !== 'svg') throw new Error('the answer is no picture');
  const picture = document.importNode(parsed, true);
  for (const element of [picture, ...picture.querySelectorAll('*')]) {
    if (!SHAPES.has(element.localName)) {
      element.remove();
      continue;
    }
    for (const name of element.getAttributeNames()) {
      if (!ATTRIBUTES.has(name) && !name.startsWith('aria-')) element.removeAttribute(name);
    }
  }
  // The page says how large it is.
  picture.removeAttribute('width');
  picture.removeAttribute('height');
  return picture;
}
