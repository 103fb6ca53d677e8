// Curves over a setting, one a method: the mean in its interval, or each seed. As peft_course/widgets/curves.py, which
// has computed all that is drawn here.
'use strict';

(() => {
  const { axes, coloured, legend, mark, picture, scale, shape, ticks, written } = interactive.chart;
  const HEIGHT = 300;
  const EACH = 'each seed';

  function best(measure, curve) {
    return curve.means.indexOf((measure.lowest ? Math.min : Math.max)(...curve.means));
  }

  function sentence(view, measure) {
    const parts = measure.curves.map((curve) => {
      const at = best(measure, curve);
      return `${curve.name} ${curve.means[at].toFixed(measure.digits)} at ${written(curve.x[at])}`;
    });
    return `${measure.lowest ? 'Lowest' : 'Highest'} mean: ${parts.join('; ')} (${view.label}).`;
  }

  function cell(curve, x, { digits }, seeds) {
    const at = curve.x.indexOf(x);
    if (at < 0) return '–';
    const values = curve.values[at];
    if (seeds === EACH || values.length === 1) return values.map((value) => value.toFixed(digits)).join(', ');
    const [mean, low, high] = [curve.means, curve.low, curve.high].map((all) => all[at].toFixed(digits));
    return `${mean} (${low} to ${high})`;
  }

  function table(view, measure, seeds) {
    const rows = view.x.map((x) => [written(x), ...measure.curves.map((curve) => cell(curve, x, measure, seeds))]);
    return [[view.label, ...measure.curves.map(({ name }) => name)], ...rows];
  }

  /** The lowest and the highest number to be seen, with a little room. */
  function reach(measure) {
    const all = measure.curves.flatMap(({ values, low, high }) => [values, low, high].flat(2));
    const [low, high] = [Math.min(...all), Math.max(...all)];
    if (measure.log) return [low / 1.2, high * 1.2];
    return low >= 0 && high <= 100 ? [0, 102] : [low - 3, high + 3];
  }

  function frame(view, measure, width, room) {
    const box = { left: 58, top: 10, right: width - 14, bottom: HEIGHT - 46 };
    const [low, high] = reach(measure);
    const y = scale(low, high, box.bottom, box.top, measure.log);
    const yTicks = ticks(low, high, measure.log).map((value) => [y(value), written(value)]);
    if (view.log) {
      const [first, last] = [view.x[0] * 0.8, view.x.at(-1) * 1.25 * room];
      const x = scale(first, last, box.left, box.right, true);
      return { box, x, y, xTicks: ticks(first, last, true).map((value) => [x(value), written(value)]), yTicks };
    }
    const at = scale(-0.4, view.x.length - 0.6, box.left, box.right);
    const x = (value) => at(view.x.indexOf(value));
    return { box, x, y, xTicks: view.x.map((value) => [x(value), written(value)]), yTicks };
  }

  function drawn(curve, number, measure, seeds, x, y) {
    const group = coloured(curve.colour);
    const line = (heights, places = curve.x) => places.map((place, i) => `${x(place)} ${y(heights[i])}`).join('L');
    if (seeds !== EACH) {
      const back = line([...curve.high].reverse(), [...curve.x].reverse());
      group.append(shape('path', { class: 'band', d: `M${line(curve.low)}L${back}Z` }));
    }
    group.append(shape('path', { class: 'line', d: `M${line(curve.means)}` }));
    curve.x.forEach((place, i) => {
      const heights = seeds === EACH ? curve.values[i] : [curve.means[i]];
      for (const height of heights) {
        const point = mark(number, x(place), y(height));
        point.append(shape('title', {}, `${curve.name}, ${written(place)}: ${height.toFixed(measure.digits)}`));
        group.append(point);
      }
    });
    return group;
  }

  interactive.kinds.curves = ({ views, scaled, room }, _, id) => (state, width) => {
    const view = views[state.view];
    const measure = view.measures[state.measure];
    const moves = view.log && measure.curves.some(({ name }) => name === scaled);
    const { box, x, y, xTicks, yTicks } = frame(view, measure, width, moves ? room : 1);
    const svg = picture(width, HEIGHT);
    const clip = `${id}-clip`;
    const inside = shape('clipPath', { id: clip });
    inside.append(shape('rect', { x: box.left, y: 0, width: box.right - box.left + 8, height: box.bottom + 6 }));
    const curves = shape('g', { 'clip-path': `url(#${clip})` });
    svg.append(inside, axes(box, xTicks, yTicks, view.label, measure.label));
    if (!measure.log && y(0) < box.bottom) svg.append(shape('path', { class: 'zero', d: `M${box.left} ${y(0)}H${box.right}` }));
    measure.curves.forEach((curve, number) => {
      const factor = moves && curve.name === scaled ? Number(state.factor) : 1;
      curves.append(drawn(curve, number, measure, state.seeds, factor === 1 ? x : (place) => x(place * factor), y));
    });
    svg.append(curves);
    return {
      picture: [legend(measure.curves), svg],
      sentence: sentence(view, measure),
      table: table(view, measure, state.seeds),
    };
  };
})();
