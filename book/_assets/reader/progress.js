'use strict';

// What this reader has done, kept in this browser and nowhere else:
// { read: {page: true}, quiz: {page: {question: [answers opened]}}, solved: {page: {question: true}}, tasks: {page: {task: true}} }

const courseProgress = (() => {
  const KEY = 'course-progress';
  const kinds = ['read', 'quiz', 'solved', 'tasks'];

  const load = () => {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
      // somebody else's value: begin anew
    }
    return Object.fromEntries(kinds.map((kind) => [kind, kept[kind] ?? {}]));
  };

  const change = (alter) => {
    const state = load();
    alter(state);
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      // no room, or no permission: it holds until the page is left
    }
    document.dispatchEvent(new CustomEvent('course-progress'));
  };

  const put = (kind, page, name, value) =>
    change((state) => {
      state[kind][page] ??= {};
      if (value) state[kind][page][name] = value;
      else delete state[kind][page][name];
    });

  const setRead = (page, read) =>
    change((state) => {
      if (read) state.read[page] = true;
      else delete state.read[page];
    });

  const forget = () => {
    localStorage.removeItem(KEY);
    document.dispatchEvent(new CustomEvent('course-progress'));
  };

  const page = DOCUMENTATION_OPTIONS.pagename;
  return { load, put, setRead, forget, page };
})();
