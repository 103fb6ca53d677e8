// How much attention each head spends on a prefix: a map for one token, and a line for each layer over all tokens.
// As peft_course/widgets/attention.py.
'use strict';

(() => {
  const { axes, coloured, html, legend, mark, picture, scale, shape } = interactive.chart;
  const ROW = 34;
  const HEIGHT = 170; // of the lines
  const AROUND = 6; // tokens of the text on either side

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const percent = (share) => Math.floor(100 * (Math.round(share * 1e4) / 1e4) + 0.5);

  /** Of shares [L][H][T] the map [L][H] of one token, counted from 1, or for 0 of all on average. */
  const at = (shares, place) => shares.map((layer) => layer.map((head) => (place ? head[place - 1] : mean(head))));

  function sentence(map, name) {
    const cells = map.flatMap((row, layer) => row.map((share, head) => ({ layer: layer + 1, head: head + 1, share })));
    const most = cells.reduce((a, b) => (b.share > a.share ? b : a));
    const least = cells.reduce((a, b) => (b.share < a.share ? b : a));
    const said = ({ layer, head, share }) => `layer ${layer}, head ${head} (${percent(share)} %)`;
    const all = percent(mean(cells.map(({ share }) => share)));
    return `${name}: ${all} % go to the prefix, on average; most in ${said(most)}, least in ${said(least)}.`;
  }

  function drawMap(map, ramp, width) {
    const svg = picture(width, map.length * ROW + 26);
    const left = 66;
    const column = (width - left) / map[0].length;
    map.forEach((row, layer) => {
      svg.append(shape('text', { x: left - 8, y: layer * ROW + ROW / 2 + 4, 'text-anchor': 'end' }, `layer ${layer + 1}`));
      row.forEach((share, head) => {
        const [x, y] = [left + head * column, layer * ROW];
        const fill = ramp[Math.round(share * (ramp.length - 1))];
        const cell = shape('rect', { x: x + 1, y: y + 1, width: column - 2, height: ROW - 2, fill });
        cell.append(shape('title', {}, `layer ${layer + 1}, head ${head + 1}: ${percent(share)} %`));
        const middle = { x: x + column / 2, y: y + ROW / 2 + 4, 'text-anchor': 'middle' };
        svg.append(cell, shape('text', { ...middle, fill: share < 0.5 ? '#fff' : '#000' }, String(percent(share))));
      });
    });
    map[0].forEach((_, head) => {
      const x = left + (head + 0.5) * column;
      svg.append(shape('text', { x, y: map.length * ROW + 18, 'text-anchor': 'middle' }, `head ${head + 1}`));
    });
    return svg;
  }

  function drawLines(shares, colours, place, width) {
    const svg = picture(width, HEIGHT);
    const box = { left: 66, top: 10, right: width - 14, bottom: HEIGHT - 46 };
    const length = shares[0][0].length;
    const x = scale(1, Math.max(length, 2), box.left + 6, box.right);
    const y = scale(0, 100, box.bottom, box.top);
    const every = Math.ceil(length / (width / 60));
    const numbers = Array.from({ length }, (_, i) => i + 1).filter((n) => n === 1 || n % every === 0);
    const xTicks = numbers.map((n) => [x(n), String(n)]);
    svg.append(axes(box, xTicks, [0, 50, 100].map((n) => [y(n), String(n)]), 'token', 'on the prefix (%)'));
    if (place) svg.append(shape('path', { class: 'chosen', d: `M${x(place)} ${box.top}V${box.bottom}` }));
    shares.forEach((heads, layer) => {
      const heights = Array.from({ length }, (_, i) => 100 * mean(heads.map((head) => head[i])));
      const group = coloured(colours[layer % colours.length]);
      group.append(shape('path', { class: 'line', d: `M${heights.map((h, i) => `${x(i + 1)} ${y(h)}`).join('L')}` }));
      heights.forEach((h, i) => (i % every === 0 || i === place - 1) && group.append(mark(layer, x(i + 1), y(h))));
      svg.append(group);
    });
    return svg;
  }

  /** The text around a token, which is marked; or its beginning. */
  function tokens(names, place) {
    const words = names.slice(1).map((name) => name.slice(name.indexOf(': ') + 2));
    const first = Math.max(0, Math.min(place - 1 - AROUND, words.length - 2 * AROUND - 1));
    const last = first + 2 * AROUND + 1;
    const shown = words.slice(first, last).flatMap((word, i) => [
      html(first + i + 1 === place ? 'mark' : 'span', { textContent: word }),
      ' ',
    ]);
    const more = [first > 0 ? '… ' : '', last < words.length ? '…' : ''];
    return html('p', { className: 'interactive-tokens' }, [more[0], ...shown, more[1]]);
  }

  interactive.kinds.attention = ({ texts, ramp, colours }, controls) => (state, width) => {
    const { shares } = texts[state.text];
    const names = controls.find(({ name }) => name === 'position').options[state.text];
    const place = names.indexOf(state.position);
    const map = at(shares, place);
    const heads = map[0].map((_, head) => `head ${head + 1}`);
    const layers = shares.map((_, layer) => ({ name: `layer ${layer + 1}`, colour: colours[layer % colours.length] }));
    return {
      picture: [tokens(names, place), drawMap(map, ramp, width), legend(layers), drawLines(shares, colours, place, width)],
      sentence: sentence(map, state.position),
      table: [['layer', ...heads], ...map.map((row, i) => [String(i + 1), ...row.map((share) => `${percent(share)} %`)])],
    };
  };
})();
