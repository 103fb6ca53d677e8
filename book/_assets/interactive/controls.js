// The controls of an interactive figure: the browser's own, so the keyboard works. The rules are those of
// peft_course/widgets/figure.py.
'use strict';

(() => {
  const { html } = interactive.chart;

  const choicesOf = (control, state) => (control.depends ? control.options[state[control.depends]] : control.options);

  /** The value that a control has in this state: the present one while it is a choice. */
  function following(control, state) {
    const present = state[control.name];
    if (control.kind === 'number') return control.options[state[control.depends]] ?? present;
    const choices = choicesOf(control, state);
    return choices.includes(present) ? present : choices[0];
  }

  function settle(controls, state) {
    for (const control of controls) if (control.depends) state[control.name] = following(control, state);
  }

  const fields = {
    select(control, id, changed) {
      const select = html('select', { id });
      select.addEventListener('change', () => changed(select.value));
      const show = (state) => {
        select.replaceChildren(...choicesOf(control, state).map((name) => html('option', { textContent: name })));
        select.value = state[control.name];
      };
      return { element: html('div', {}, [html('label', { htmlFor: id, textContent: control.label }), select]), show };
    },

    radio(control, id, changed) {
      const legend = html('legend', { textContent: control.label });
      const element = html('fieldset', {}, [legend]);
      const show = (state) => {
        const names = choicesOf(control, state);
        if (element.dataset.names !== JSON.stringify(names)) {
          element.dataset.names = JSON.stringify(names);
          const labels = names.map((name) => {
            const input = html('input', { type: 'radio', name: id, value: name });
            input.addEventListener('change', () => changed(name));
            return html('label', {}, [input, name]);
          });
          element.replaceChildren(legend, ...labels);
        }
        for (const input of element.querySelectorAll('input')) input.checked = input.value === state[control.name];
      };
      return { element, show };
    },

    range(control, id, changed) {
      const input = html('input', { type: 'range', id, min: 0, step: 1 });
      const output = html('output', { htmlFor: id });
      let names = [];
      input.addEventListener('input', () => changed(names[Number(input.value)]));
      const show = (state) => {
        names = choicesOf(control, state);
        input.max = names.length - 1;
        input.disabled = names.length < 2;
        input.value = names.indexOf(state[control.name]);
        output.textContent = state[control.name];
        input.setAttribute('aria-valuetext', state[control.name]);
      };
      const label = html('label', { htmlFor: id, textContent: control.label });
      return { element: html('div', { className: 'wide' }, [label, input, output]), show };
    },

    number(control, id, changed) {
      const input = html('input', { type: 'number', id, min: control.minimum, step: 1, inputMode: 'numeric' });
      input.addEventListener('input', () => changed(input.valueAsNumber));
      const show = (state) => {
        if (document.activeElement !== input) input.value = state[control.name]; // never under the reader's fingers
      };
      return { element: html('div', {}, [html('label', { htmlFor: id, textContent: control.label }), input]), show };
    },
  };

  /** Builds the controls of figure `id`; calls `changed` after each change. Gives {element, state}. */
  function build(controls, id, changed) {
    const state = Object.fromEntries(controls.map((control) => [control.name, control.value]));
    settle(controls, state);
    const built = controls.map((control) =>
      fields[control.kind](control, `${id}-${control.name}`, (value) => {
        state[control.name] = value;
        if (control.otherwise) state[control.depends] = control.otherwise;
        settle(controls, state);
        built.forEach(({ show }) => show(state));
        changed();
      }));
    built.forEach(({ show }) => show(state));
    const element = html('div', { className: 'interactive-controls' });
    const groups = {};
    controls.forEach(({ group }, number) => {
      if (group && !groups[group]) {
        groups[group] = html('div');
        element.append(html('details', { className: 'wide' }, [html('summary', { textContent: group }), groups[group]]));
      }
      (group ? groups[group] : element).append(built[number].element);
    });
    return { element, state };
  }

  interactive.controls = { build };
})();
