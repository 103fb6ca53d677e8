'use strict';
// Arrows, Page up and down, space, Home and End turn the slides; N unfolds the notes; S opens the speaker's window, which
// shows the notes beside each slide and turns with this one. Without this script a deck is scrolled.
(() => {
  const slides = [...document.querySelectorAll('.slide')];
  const controls = document.querySelector('.controls');
  const speaking = new URLSearchParams(location.search).has('notes');
  const TURNS = {
    ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Home: -Infinity, End: Infinity,
  };
  let other = speaking ? window.opener : null; // the window that turns with this one

  function current() {
    const middle = innerHeight / 2;
    return slides.findLastIndex((slide) => slide.getBoundingClientRect().top <= middle);
  }

  function show(number) {
    const target = Math.min(Math.max(number, 0), slides.length - 1);
    slides[target].scrollIntoView();
    other?.postMessage({slide: target}, '*'); // files have no origin; nothing but a number is said
  }

  function tellPlace() {
    const now = Math.max(current(), 0);
    controls.querySelector('.place').textContent = `${now + 1} / ${slides.length}`;
    const hash = `#${slides[now].id}`;
    if (location.hash !== hash) history.replaceState(null, '', hash);
  }

  function speak() {
    const address = new URL(location.href);
    address.search = '?notes';
    other = window.open(address, 'notes', 'popup,width=1100,height=620') ?? other;
  }

  function unfold() {
    const notes = slides[current()].querySelector('.notes');
    if (notes) notes.open = !notes.open;
  }

  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest('.notes, button, a') && !event.key.startsWith('Page')) return;
    if (event.key in TURNS) {
      event.preventDefault();
      show(current() + TURNS[event.key]);
    } else if (event.key === 'n') unfold();
    else if (event.key === 's') speak();
  });
  addEventListener('message', (event) => {
    if (event.source === other && Number.isInteger(event.data?.slide)) slides[event.data.slide]?.scrollIntoView();
  });
  addEventListener('scroll', tellPlace, {passive: true});
  controls.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.go) show(current() + Number(button.dataset.go));
    else if (button) speak();
  });
  controls.hidden = false;
  if (speaking) {
    document.documentElement.classList.add('speaking');
    document.querySelectorAll('.notes').forEach((notes) => { notes.open = true; });
    controls.querySelector('[data-speak]').remove();
  }
  document.getElementById(location.hash.slice(1))?.scrollIntoView(); // before the address says another place
  tellPlace();
})();
