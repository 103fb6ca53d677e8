'use strict';

// What a link inside the book leads to, shown beside it: by the mouse or by focus, until Escape or until one moves on.
// Other pages are fetched when first needed; from a file, where that is forbidden, only this page's own targets show.

{
  const DELAY = 250;
  const DROPPED = 'script, style, .headerlink, button, .cell_input, .quiz, details';
  const pages = new Map();
  const here = location.href.split('#')[0];
  let shown = null; // the link whose preview is open
  let timer = 0;

  const box = document.createElement('div');
  box.id = 'course-preview';
  box.setAttribute('role', 'tooltip');
  box.hidden = true;
  document.querySelector('main').append(box);

  const pageAt = (address) => {
    if (address === here) return Promise.resolve(document);
    if (location.protocol === 'file:') return Promise.resolve(null);
    if (!pages.has(address)) {
      const fetched = fetch(address)
        .then((answer) => (answer.ok ? answer.text() : null))
        .then((text) => text && new DOMParser().parseFromString(text, 'text/html'))
        .catch(() => null);
      pages.set(address, fetched);
    }
    return pages.get(address);
  };

  /** The part of a page that says what the target is: a term's meaning, an equation, a reference, a section's begin. */
  const essence = (page, id) => {
    const target = id ? page.getElementById(id) : page.querySelector('.bd-article section');
    if (!target) return [];
    if (target.matches('dt')) return [target, ...(target.matches('.sig') ? [target.nextElementSibling?.querySelector('p')] : [target.nextElementSibling])];
    if (target.matches('.math, figure, .citation, .admonition, table')) return [target];
    const equation = target.closest('.math') ?? target.querySelector(':scope > div.math');
    if (equation && !target.matches('section')) return [equation];
    const section = target.matches('section') ? target : target.closest('section');
    return section ? [section.querySelector('h1, h2, h3, h4'), section.querySelector(':scope > p')] : [];
  };

  const copyOf = (element) => {
    const copy = element.cloneNode(true);
    for (const dropped of copy.querySelectorAll(DROPPED)) dropped.remove();
    for (const named of [copy, ...copy.querySelectorAll('[id]')]) named.removeAttribute('id');
    for (const link of copy.querySelectorAll('a')) link.replaceWith(...link.childNodes);
    const heading = copy.matches('h1, h2, h3, h4, dt');
    const part = document.createElement(heading ? 'strong' : 'div');
    part.append(...(heading ? copy.childNodes : [copy]));
    return part;
  };

  const place = (link) => {
    const anchor = link.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - box.offsetWidth - 8))}px`;
    const below = anchor.bottom + 6;
    const fits = below + box.offsetHeight < innerHeight || anchor.top < box.offsetHeight + 6;
    box.style.top = `${fits ? below : anchor.top - box.offsetHeight - 6}px`;
  };

  const hide = () => {
    clearTimeout(timer);
    shown?.removeAttribute('aria-describedby');
    shown = null;
    box.hidden = true;
  };

  const show = async (link) => {
    const [address, id] = link.href.split('#');
    shown = link;
    const page = await pageAt(address);
    if (shown !== link || !page) return;
    const parts = essence(page, decodeURIComponent(id ?? '')).filter(Boolean);
    if (!parts.length) return;
    box.replaceChildren(...parts.map(copyOf));
    box.hidden = false;
    link.setAttribute('aria-describedby', box.id);
    place(link);
  };

  const soon = (action) => {
    clearTimeout(timer);
    timer = setTimeout(action, DELAY);
  };

  for (const link of document.querySelectorAll('.bd-article a.reference.internal')) {
    if (link.closest('.toctree-wrapper, .sd-card') || link.querySelector('img')) continue;
    link.removeAttribute('title');
    link.addEventListener('mouseenter', () => { if (shown !== link) soon(() => { hide(); show(link); }); else clearTimeout(timer); });
    link.addEventListener('mouseleave', () => soon(hide));
    link.addEventListener('focus', () => { if (link.matches(':focus-visible')) { hide(); show(link); } });
    link.addEventListener('blur', hide);
  }
  box.addEventListener('mouseenter', () => clearTimeout(timer));
  box.addEventListener('mouseleave', () => soon(hide));
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
}
