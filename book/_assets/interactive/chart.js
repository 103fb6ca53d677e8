// Drawing helpers of the interactive figures: elements, scales, axes, marks. One unit is one pixel.
'use strict';

(() => {
  const SVG = 'http://www.w3.org/2000/svg';

  /** An SVG element with attributes; `text` becomes its content. */
  function shape(name, attributes = {}, text = '') {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  }

  /** An HTML element with properties and children. */
  function html(name, properties = {}, children = []) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  /** Maps [low, high] to pixels [from, to], evenly or by logarithms. */
  function scale(low, high, from, to, log = false) {
    const measure = log ? Math.log : (value) => value;
    const [start, end] = [measure(low), measure(high)];
    return (value) => from + ((measure(value) - start) / (end - start)) * (to - from);
  }

  /** Round numbers within [low, high]: powers of ten on a logarithmic axis, else about five even steps. */
  function ticks(low, high, log = false) {
    if (log) {
      const powers = [];
      for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * (1 + 1e-9); power++) {
        powers.push(Number(`1e${power}`));
      }
      return powers;
    }
    const rough = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
    const found = [];
    for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n++) found.push(n * step);
    return found;
  }

  /** A number as people write it. */
  function written(value) {
    if (typeof value !== 'number') return value;
    if (Math.abs(value) >= 1e6) return value.toExponential().replace('e+', 'e');
    return value.toLocaleString('en-US', { maximumFractionDigits: 12 });
  }

  /** Axes of a box {left, top, right, bottom}: ticks are pairs [pixel, label]. */
  function axes(box, xTicks, yTicks, xLabel, yLabel) {
    const group = shape('g', { class: 'axes' });
    const { left, top, right, bottom } = box;
    group.append(shape('path', { d: `M${left} ${top}V${bottom}H${right}` }));
    for (const [x, label] of xTicks) {
      group.append(shape('path', { d: `M${x} ${bottom}v5` }));
      group.append(shape('text', { x, y: bottom + 18, 'text-anchor': 'middle' }, label));
    }
    for (const [y, label] of yTicks) {
      group.append(shape('path', { d: `M${left} ${y}h-5` }));
      group.append(shape('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, label));
    }
    const middle = (top + bottom) / 2;
    group.append(shape('text', { x: (left + right) / 2, y: bottom + 38, 'text-anchor': 'middle' }, xLabel));
    group.append(shape('text', { x: 14, y: middle, 'text-anchor': 'middle', transform: `rotate(-90 14 ${middle})` }, yLabel));
    return group;
  }

  const MARKS = ['M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0', 'M-4-4H4V4H-4Z', 'M0-5.5L5.5 0L0 5.5L-5.5 0Z', 'M0-5L5 4H-5Z', 'M0 5L5-4H-5Z'];

  /** The mark of the curve of this number: no reader has to tell curves apart by colour alone. */
  function mark(number, x, y) {
    return shape('path', { class: 'mark', d: MARKS[number % MARKS.length], transform: `translate(${x} ${y})` });
  }

  /** A picture of this size in pixels. */
  const picture = (width, height) => shape('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img' });

  /** A group whose lines and marks have a colour. */
  function coloured(colour, attributes = {}) {
    const group = shape('g', { class: 'coloured', ...attributes });
    group.style.setProperty('--colour', colour);
    return group;
  }

  /** What the curves are called, each with its mark. */
  function legend(entries) {
    const items = entries.map(({ name, colour }, number) => {
      const sample = picture(28, 12);
      sample.setAttribute('aria-hidden', 'true');
      const group = coloured(colour);
      group.append(shape('path', { class: 'line', d: 'M0 6H28' }), mark(number, 14, 6));
      sample.append(group);
      return html('li', {}, [sample, name]);
    });
    return html('ul', { className: 'interactive-legend' }, items);
  }

  globalThis.interactive = { kinds: {}, chart: { axes, coloured, html, legend, mark, picture, scale, shape, ticks, written } };
})();
