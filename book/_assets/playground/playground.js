// The interface: brings the forms of book/_ext/playground.html to life. One engine serves all forms of a page.
'use strict';

// The engine, once somebody wants it: a script with the weights is loaded, which calls `receive`.
playground.engine = (() => {
  const folder = new URL('.', document.currentScript.src);
  const open = new Map(); // by place, the newest question there; nobody waits for the answers to older ones
  let port;
  let count = 0;

  const load = () => new Promise((done, failed) => {
    playground.receive = done;
    const script = document.createElement('script');
    script.src = new URL('course-gpt.js', folder);
    script.onerror = () => failed(new Error('The model could not be fetched. Try again.'));
    document.head.append(script);
  });

  const start = async () => {
    const started = await playground.openEngine(await load());
    started.onmessage = ({ data }) => {
      const question = open.get(data.place);
      if (question?.number === data.number) question.handle(data);
    };
    return started;
  };

  return {
    // Sends a question; `handle` gets the events of its answer.
    async ask(question, handle) {
      port ??= start().catch((error) => {
        port = undefined; // so that the next question tries again
        throw error;
      });
      count += 1;
      const number = count;
      open.set(question.place, { number, handle });
      (await port).postMessage({ ...question, number });
    },
  };
})();

playground.Side = class Side {
  // One prompt and what comes of it. `place` names it among all of the page's.
  constructor(form, place, id) {
    const find = (selector) => form.querySelector(`[data-place="${place}"]${selector}`);
    this.place = `${id}-${place}`;
    const names = ['wording', 'words', 'trained', 'on'];
    this.controls = Object.fromEntries(names.map((name) => [name, find(` [name=${name}]`)]));
    this.result = find('.pg-result');
    this.answer = find(' .pg-answer');
    this.slider = find(' [name=step]');
    this.step = find(' .pg-step');
    this.likeliest = [...form.querySelectorAll(`[data-place="${place}"] .pg-likeliest tr`)];
    this.layers = [...form.querySelectorAll(`[data-place="${place}"] .pg-attention tr`)];
    this.choices = [];
    const { wording, words, trained, on } = this.controls;
    wording.addEventListener('change', () => { if (wording.value) words.value = wording.value; });
    words.addEventListener('input', () => this.nameWording());
    trained?.addEventListener('change', () => {
      on.checked = true;
      if (trained.value) words.value = '{x}'; // what the prompts were trained with
      this.nameWording();
      this.allowSwitch();
    });
    this.slider.addEventListener('input', () => this.showChoice());
    if (trained) this.allowSwitch();
  }

  nameWording() {
    const { wording, words } = this.controls;
    wording.value = [...wording.options].some((option) => option.value === words.value) ? words.value : '';
  }

  allowSwitch() {
    this.controls.on.disabled = !this.controls.trained.value;
  }

  question(input) {
    const { words, trained, on } = this.controls;
    const name = trained && on.checked ? trained.value : '';
    return { kind: 'ask', place: this.place, template: words.value, input, name };
  }

  // Asks, shows what comes, and gives the last event: 'end', or 'refusal'.
  run(input) {
    this.choices = [];
    this.slider.disabled = true;
    const question = this.question(input);
    const { trained } = this.controls;
    this.result.dataset.method = question.name ? trained.selectedOptions[0].dataset.method ?? 'prefix' : 'words';
    return new Promise((done, failed) => {
      playground.engine.ask(question, (event) => {
        if (event.kind === 'read') this.showAttention(event.attention);
        if (event.kind === 'choice') this.add(event);
        if (event.kind === 'refusal') this.answer.textContent = event.text;
        if (event.kind === 'end') this.finish();
        if (event.kind === 'end' || event.kind === 'refusal') done(event);
      }).catch(failed);
    });
  }

  add(choice) {
    this.choices.push(choice);
    this.slider.max = this.choices.length;
    this.slider.value = 1;
    this.answer.textContent = choice.text;
    if (this.choices.length === 1) this.showChoice();
  }

  finish() {
    this.slider.disabled = false;
    this.showChoice();
  }

  showChoice() {
    const number = Number(this.slider.value);
    const { likeliest } = this.choices[number - 1];
    this.step.textContent = `${number} of ${this.choices.length}: ${likeliest[0].shown}`;
    this.slider.setAttribute('aria-valuetext', this.step.textContent);
    this.likeliest.forEach((row, i) => {
      const { shown, probability } = likeliest[i];
      const [name, bar, share] = row.cells;
      name.textContent = shown;
      bar.firstChild.style.width = `${100 * probability}%`;
      share.textContent = playground.percent(probability);
    });
  }

  showAttention(attention) {
    this.layers.forEach((row, l) => {
      const [, bar, share] = row.cells;
      const shares = [attention[l].prompt, attention[l].words, attention[l].input];
      shares.forEach((each, i) => { bar.children[i].style.width = `${100 * each}%`; });
      share.textContent = shares.map((each) => Math.round(100 * each)).join(' · ');
    });
  }
};

playground.percent = (share) => {
  const percent = 100 * share;
  const digits = percent > 99.9 ? 2 : percent > 99 || percent < 10 ? 1 : 0;
  return percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(digits)} %`;
};

playground.start = (root) => {
  const form = root.querySelector('form');
  const { input, example, file } = form.elements;
  const [button, status] = [form.querySelector('button'), form.querySelector('[role=status]')];
  const places = [...form.querySelectorAll('fieldset')].map((fieldset) => fieldset.dataset.place);
  const sides = places.map((place) => new playground.Side(form, place, root.id));
  let shown = ''; // the questions whose answers are on the page, or on their way
  let runs = 0; // how often the reader has asked for an answer

  const answer = async () => {
    const asked = JSON.stringify(sides.map((side) => side.question(input.value)));
    if (asked === shown) return;
    if (!runs) status.textContent = 'Fetching the model …';
    runs += 1;
    shown = asked;
    const run = runs;
    root.setAttribute('aria-busy', 'true');
    try {
      const ends = [];
      for (const side of sides) ends.push(await side.run(input.value));
      if (run !== runs) return; // a newer one is on its way
      status.replaceChildren(...sides.flatMap((side, i) => playground.summary(side, ends[i], sides.length > 1 && places[i])));
    } catch (error) {
      if (run !== runs) return;
      status.textContent = error.message;
      shown = '';
    }
    root.removeAttribute('aria-busy');
  };

  const addFile = async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    const handle = (event) => {
      status.textContent = event.kind === 'refusal' ? event.text : `${chosen.name} is now among the trained prompts.`;
      if (event.kind === 'refusal') return;
      shown = '';
      for (const { controls: { trained } } of sides) {
        if (![...trained.options].some((option) => option.value === 'own')) trained.add(new Option('', 'own'));
        [...trained.options].at(-1).text = `your own: ${chosen.name}`;
      }
    };
    playground.engine.ask({ kind: 'add', place: `${root.id}-file`, name: 'own', bytes }, handle)
      .catch((error) => handle({ kind: 'refusal', text: error.message }));
  };

  example.addEventListener('change', () => { if (example.value) input.value = example.value; });
  input.addEventListener('input', () => { example.value = ''; });
  file?.addEventListener('change', addFile);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    shown = '';
    answer();
  });
  form.addEventListener('change', ({ target }) => { if (runs && target.name !== 'step' && target !== file) answer(); });
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  button.disabled = false;
};

// How it went. A reader who does not see the answer is told that, too, once it is complete.
playground.summary = (side, end, place) => {
  const name = place ? `${place}: ` : '';
  if (end.kind === 'refusal') return [`${name}${end.text} `];
  const spoken = document.createElement('span');
  spoken.className = 'pg-spoken';
  spoken.textContent = `${side.answer.textContent} `;
  return [name, spoken, `${end.tokens} tokens, ${Math.round(end.tokens / end.seconds)} a second. `];
};

document.querySelectorAll('.playground').forEach(playground.start);
