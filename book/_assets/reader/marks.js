'use strict';

// "Read" at the end of a chapter, "done" at each task, and a small sign for both in the contents at the side.

{
  const { load, put, setRead, page } = courseProgress;
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  const article = document.querySelector('.bd-article > section, .bd-article > article > section, .bd-article section');

  const checkbox = (text, checked, onChange) => {
    const label = document.createElement('label');
    label.className = 'course-mark';
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = checked();
    box.addEventListener('change', () => onChange(box.checked));
    document.addEventListener('course-progress', () => { box.checked = checked(); });
    label.append(box, ` ${text}`);
    return label;
  };

  if (article && page.startsWith('chapters/')) {
    article.append(checkbox('I have read this chapter', () => Boolean(load().read[page]), (on) => setRead(page, on)));
  }

  for (const task of document.querySelectorAll('[id^="exercise-"]')) {
    const heading = task.matches('section') ? task.querySelector('h2, h3') : task.closest('section')?.querySelector('h2, h3');
    if (!heading || !/^exercise-\d+-\d+$/.test(task.id) || heading.nextElementSibling?.matches('.course-mark')) continue;
    const done = checkbox('Done', () => Boolean(load().tasks[page]?.[task.id]), (on) => put('tasks', page, task.id, on));
    done.querySelector('input').setAttribute('aria-label', `Done: ${heading.firstChild.textContent.trim()}`);
    heading.after(done);
  }

  const links = [...document.querySelectorAll('.bd-docs-nav a.reference.internal')];
  const pageOf = (link) => new URL(link.getAttribute('href'), location.href).pathname.slice(root.pathname.length).replace(/\.html$/, '');
  const sign = () => {
    const { read } = load();
    for (const link of links) {
      const isRead = Boolean(read[link.getAttribute('href') === '#' ? page : pageOf(link)]);
      const old = link.querySelector('.course-read');
      if (isRead && !old) {
        const tick = document.createElement('span');
        tick.className = 'course-read';
        tick.innerHTML = '<span aria-hidden="true">✓</span><span class="visually-hidden">read</span>';
        link.append(' ', tick);
      } else if (!isRead) {
        old?.remove();
      }
    }
  };
  sign();
  document.addEventListener('course-progress', sign);
}
