'use strict';

// The page "Your progress": a table of what this browser remembers, and the button that makes it forget.

{
  const { load, forget } = courseProgress;
  const place = document.getElementById('course-progress');

  const cell = (name, content) => {
    const made = document.createElement(name);
    made.append(content);
    return made;
  };
  const share = (done, all) => (all ? `${done} of ${all}` : '–');

  const row = (state, { page, title, questions, tasks }) => {
    const line = document.createElement('tr');
    const link = document.createElement('a');
    link.href = `${document.documentElement.dataset.content_root}${page}.html`;
    link.textContent = title;
    const head = cell('th', link);
    head.scope = 'row';
    const solved = Object.keys(state.solved[page] ?? {}).length;
    const done = Object.keys(state.tasks[page] ?? {}).length;
    const read = page.startsWith('chapters/') ? (state.read[page] ? '✓ read' : 'not yet') : '–';
    line.append(head, cell('td', read), cell('td', share(solved, questions)), cell('td', share(done, tasks)));
    return line;
  };

  const show = () => {
    const state = load();
    const head = document.createElement('tr');
    for (const name of ['Page', 'Read', 'Questions', 'Tasks']) {
      const made = cell('th', name);
      made.scope = 'col';
      head.append(made);
    }
    const table = document.createElement('table');
    table.className = 'table';
    table.append(cell('thead', head), document.createElement('tbody'));
    table.tBodies[0].append(...coursePages.map((page) => row(state, page)));
    place.querySelector('.course-table').replaceChildren(table);
  };

  const said = place.querySelector('[role="status"]');
  place.querySelector('button').addEventListener('click', () => {
    forget();
    said.textContent = 'Everything is forgotten.';
  });
  document.addEventListener('course-progress', show);
  show();
  place.querySelector('button').parentElement.hidden = false;
}
