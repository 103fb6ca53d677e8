// Puts controls into the page's interactive figures. A figure whose data cannot be read keeps its picture.
'use strict';

(() => {
  const { html } = interactive.chart;

  function table([header, ...rows]) {
    const head = html('tr', {}, header.map((name) => html('th', { scope: 'col', textContent: name })));
    const body = rows.map(([first, ...rest]) =>
      html('tr', {}, [
        html('th', { scope: 'row', textContent: first }),
        ...rest.map((value) => html('td', { textContent: value })),
      ]));
    return html('table', {}, [html('thead', {}, [head]), html('tbody', {}, body)]);
  }

  function start(figure) {
    const { alt, controls, data } = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const show = interactive.kinds[figure.dataset.interactive](data, controls, figure.id);
    const stage = figure.querySelector('.interactive-stage');
    const sentence = html('p', { className: 'interactive-sentence' });
    sentence.setAttribute('role', 'status');
    const drawing = html('div', { className: 'interactive-picture' });
    const values = html('div', { className: 'interactive-values', tabIndex: 0 });
    values.setAttribute('role', 'group'); // it scrolls, so the keyboard has to get there
    values.setAttribute('aria-label', 'Values');
    let width = 0;

    function redraw() {
      if (width < 1) return;
      try {
        const shown = show(panel.state, width);
        const elements = [shown.picture].flat();
        elements.filter((each) => each.matches('svg')).forEach((svg) => svg.setAttribute('aria-label', alt));
        drawing.replaceChildren(...elements);
        values.replaceChildren(table(shown.table));
        sentence.textContent = shown.sentence;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        sentence.textContent = error.message; // numbers that fit no model
      }
    }

    const panel = interactive.controls.build(controls, figure.id, redraw);
    panel.element.setAttribute('role', 'group');
    panel.element.setAttribute('aria-label', 'Controls of the figure');
    const folded = html('details', {}, [html('summary', { textContent: 'Values' }), values]);
    stage.replaceChildren(panel.element, drawing, sentence, folded);
    new ResizeObserver(([entry]) => {
      const now = Math.floor(entry.contentRect.width);
      if (now === width) return;
      width = now;
      redraw();
    }).observe(drawing);
    width = Math.floor(drawing.getBoundingClientRect().width);
    redraw();
    figure.dataset.started = '';
  }

  document.addEventListener('DOMContentLoaded', () => document.querySelectorAll('figure.interactive').forEach(start));
})();
