// What a method costs on a model of any shape. As peft_course/widgets/calculator.py.
'use strict';

(() => {
  const { coloured, picture, scale, shape, ticks, written } = interactive.chart;
  const { counts, significant } = interactive.counts;
  const ROW = 40;
  const MEBIBYTE = 2 ** 20;

  const percent = (value) => `${significant(value)} %`;
  const brief = (value) => (value < 1e6 ? grouped(value) : `${significant(value / 1e6)} M`);
  const grouped = (value) => value.toLocaleString('en-US');

  function table(each, parameters) {
    const share = 100 / parameters;
    const rows = Object.entries(each).map(([name, value]) => [
      name === 'cached' ? 'cached for each text' : name,
      grouped(value),
      name === 'cached' ? '–' : percent(value * share),
      significant((4 * value) / MEBIBYTE),
      significant((2 * value) / MEBIBYTE),
    ]);
    return [['', 'numbers', 'of the model', 'MiB in f32', 'MiB in f16'], ...rows];
  }

  function drawn(found, colours, chosen, width) {
    const names = Object.keys(found);
    const bottom = names.length * ROW + 6;
    const svg = picture(width, bottom + 44);
    const most = Math.max(...Object.values(found).flatMap(({ trained, stored }) => [trained, stored]));
    const x = scale(100, Math.max(1000, most * 1.5), 2, width - 14, true);
    const axis = shape('g', { class: 'axes' });
    axis.append(shape('path', { d: `M2 ${bottom}H${width - 14}` }));
    const powers = ticks(100, Math.max(1000, most * 1.5), true);
    const every = Math.ceil(powers.length / (width / 62));
    powers.forEach((power, i) => {
      axis.append(shape('path', { d: `M${x(power)} ${bottom}v5` }));
      const label = power < 1e6 ? written(power) : `10${superscript(Math.round(Math.log10(power)))}`;
      const anchor = i === 0 ? 'start' : x(power) > width - 30 ? 'end' : 'middle';
      if (i % every === 0) axis.append(shape('text', { x: x(power), y: bottom + 18, 'text-anchor': anchor }, label));
    });
    const label = 'numbers: the bar is stored, the mark is trained';
    axis.append(shape('text', { x: width / 2, y: bottom + 38, 'text-anchor': 'middle' }, label));
    names.forEach((name, row) => {
      const { trained, stored } = found[name];
      const y = row * ROW + 22;
      const group = coloured(colours[name], name === chosen ? { class: 'coloured chosen' } : {});
      const end = Math.max(3, x(Math.max(100, stored)));
      const mark = Math.max(3, x(Math.max(100, trained)));
      group.append(shape('rect', { x: 2, y, width: end - 2, height: 14 }));
      group.append(shape('path', { class: 'line', d: `M${end} ${y + 7}H${mark}M${mark} ${y - 2}v18` }));
      const words = `${name}: ${brief(stored)}${trained === stored ? '' : `, trained ${brief(trained)}`}`;
      svg.append(group, shape('text', { x: 2, y: y - 5, class: name === chosen ? 'chosen' : '' }, words));
    });
    svg.append(axis);
    return svg;
  }

  const superscript = (number) => [...String(number)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]).join('');

  interactive.kinds.calculator = ({ colours }) => (state, width) => {
    const found = counts(state);
    const each = found[state.method];
    const share = 100 / state.parameters;
    const [trained, stored] = [each.trained, each.stored].map((n) => ({ count: grouped(n), of: percent(n * share) }));
    return {
      picture: drawn(found, colours, state.method, width),
      sentence: `On ${state.model}, “${state.method}” trains ${trained.count} numbers (${trained.of} of the model) ` +
        `and stores ${stored.count} (${stored.of}).`,
      table: table(each, state.parameters),
    };
  };
})();
