'use strict';

// A question's answers are folded texts in the page. Here each becomes a button that says at once whether it is right,
// and why; what was opened stays open when the reader comes back.

{
  const WORDS = { right: '✓ Right', wrong: '✗ Not this one' };
  const { load, put, page } = courseProgress;
  const isAnswer = (element) => element?.matches('details.quiz-right, details.quiz-wrong') ?? false;

  const element = (name, attributes, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  /** The answers of one question: a first one, and all that follow it directly. */
  const questions = () => {
    const firsts = [...document.querySelectorAll('details.quiz-right, details.quiz-wrong')].filter(
      (details) => !isAnswer(details.previousElementSibling),
    );
    return firsts.map((first) => {
      const answers = [];
      for (let next = first; isAnswer(next); next = next.nextElementSibling) answers.push(next);
      return { asked: first.previousElementSibling, answers };
    });
  };

  const makeAnswer = (details, onChoice) => {
    const kind = details.classList.contains('quiz-right') ? 'right' : 'wrong';
    const text = details.querySelector('.sd-summary-text') ?? details.querySelector('summary');
    const name = text.textContent.trim();
    const mark = element('span', { class: 'quiz-mark' });
    const button = element('button', { type: 'button', class: 'quiz-choice', 'aria-expanded': 'false' });
    button.append(element('span', { class: 'quiz-text' }, ...text.childNodes), mark);
    const word = element('div', { class: 'quiz-word', hidden: '' });
    word.append(...details.querySelector('.sd-summary-content').childNodes);
    const open = () => {
      button.dataset.kind = kind;
      button.setAttribute('aria-expanded', 'true');
      mark.textContent = WORDS[kind];
      word.hidden = false;
    };
    const close = () => {
      delete button.dataset.kind;
      button.setAttribute('aria-expanded', 'false');
      mark.textContent = '';
      word.hidden = true;
    };
    button.addEventListener('click', () => onChoice({ name, kind, open, close, word, isOpen: !word.hidden }));
    return { name, kind, open, close, node: element('div', { class: 'quiz-answer' }, button, word) };
  };

  const makeQuestion = ({ asked, answers }, index) => {
    const question = String(index + 1);
    const said = element('p', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
    asked.id ||= `question-${question}`;
    const group = element('div', { class: 'quiz', role: 'group', 'aria-labelledby': asked.id });

    const choose = ({ name, kind, open, close, word, isOpen }) => {
      const opened = (load().quiz[page]?.[question] ?? []).filter((other) => other !== name);
      if (isOpen) {
        close();
        said.textContent = '';
      } else {
        open();
        opened.push(name);
        said.textContent = `${WORDS[kind].slice(2)}. ${word.textContent.trim()}`;
        if (kind === 'right') put('solved', page, question, true);
      }
      put('quiz', page, question, opened.length ? opened : null);
    };

    const made = answers.map((details) => makeAnswer(details, choose));
    const restore = () => {
      const opened = load().quiz[page]?.[question] ?? [];
      for (const answer of made) (opened.includes(answer.name) ? answer.open : answer.close)();
    };
    restore();
    document.addEventListener('course-progress', restore);
    group.append(...made.map((answer) => answer.node), said);
    answers[0].before(group);
    for (const details of answers) details.remove();
  };

  questions().forEach(makeQuestion);
}
