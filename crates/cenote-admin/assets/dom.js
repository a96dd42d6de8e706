// What the page is put together with. Names and errors come from elsewhere and may say anything: they go into the page as
// text, by `textContent` and by properties, and no file here hands a string to anything that reads markup.

export const $ = (id) => document.getElementById(id);

/** A copy of what a template holds. */
export const made = (template) => $(template).content.firstElementChild.cloneNode(true);

/** Writes a text, if it is another: what does not change is not touched, so a selection in it stays. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes texts into the parts of an element, by their selectors. */
export function fill(element, texts) {
  for (const [selector, text] of Object.entries(texts)) write(element.querySelector(selector), text);
}

/** A badge: its colour by `level` (ok, info, warn, bad, off), its word as text. */
export function mark(badge, level, word) {
  if (badge.dataset.level !== level) badge.dataset.level = level;
  write(badge, word);
}

export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/**
 * Makes the children of an element stand for a list, in its order. Those that stay are kept: focus, selection and what is
 * folded open survive an update.
 */
export function sync(parent, items, keyOf, make, update) {
  const old = parent.kept ?? new Map();
  const kept = new Map();
  items.forEach((item, at) => {
    let key = keyOf(item, at);
    // Two pools may have one name.
    while (kept.has(key)) key = `${key} again`;
    const child = old.get(key) ?? make(item);
    old.delete(key);
    kept.set(key, child);
    update(child, item, at);
  });
  for (const gone of old.values()) gone.remove();
  let before = parent.firstElementChild;
  for (const child of kept.values()) {
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
  }
  parent.kept = kept;
}
