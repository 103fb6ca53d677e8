// How many numbers each method trains, stores and caches: the arithmetic of peft_course/analysis/counts.py.
'use strict';

(() => {
  const NAMES = {
    layers: 'Layers L', width: 'Width D', heads: 'Heads of queries', kv_heads: 'Heads of keys and values H',
    head_size: 'Head size d', parameters: 'Parameters of the model', encoder_layers: 'Layers of the encoder',
    num_virtual_tokens: 'Virtual tokens P', bottleneck: 'Bottleneck k', hidden: 'Hidden width m', rank: 'LoRA’s rank r',
  };

  /** Throws RangeError for a shape that no model has. */
  function check(numbers) {
    for (const [name, label] of Object.entries(NAMES)) {
      const least = name === 'encoder_layers' ? 0 : 1;
      if (!Number.isInteger(numbers[name]) || numbers[name] < least) {
        throw new RangeError(`“${label}” is a whole number of ${least} or more; type one.`);
      }
    }
    if (numbers.heads % numbers.kv_heads) {
      throw new RangeError(`Each head of keys and values serves as many heads of queries, and ${numbers.heads} are not ` +
        `a multiple of ${numbers.kv_heads}; choose a divisor of ${numbers.heads}.`);
    }
  }

  /** By method {trained, stored, cached}. */
  function counts(numbers) {
    check(numbers);
    const { layers, width, heads, kv_heads: H, head_size: d, parameters, encoder_layers: encoder } = numbers;
    const { num_virtual_tokens: P, bottleneck: k, hidden: m, rank } = numbers;
    const row = (depth) => 2 * depth * H * d;
    const rows = (encoder ? [encoder, layers] : [layers]).map(row);
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const cached = P * row(layers);
    const flat = sum(rows.map((size) => P * size));
    const perceptron = sum(rows.map((size) => P * k + (k + 1) * m + (m + 1) * size));
    const attentions = layers + (encoder ? encoder + layers : 0);
    const lowRank = attentions * rank * (2 * width + heads * d + H * d);
    return {
      'soft prompt': { trained: P * width, stored: P * width, cached },
      'prefix, flat': { trained: flat, stored: flat, cached },
      'prefix, perceptron': { trained: perceptron, stored: flat, cached },
      LoRA: { trained: lowRank, stored: lowRank, cached: 0 },
      'fine-tuning': { trained: parameters, stored: parameters, cached: 0 },
    };
  }

  /** Large numbers to one place behind the point, small ones to two places that count; halves are rounded up. */
  function significant(value) {
    if (value === 0) return '0';
    let places = 1;
    while (value < 10 ** (1 - places) && places < 12) places += 1;
    const rounded = Math.floor(value * 10 ** places + 0.5) / 10 ** places;
    return rounded.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
  }

  globalThis.interactive ??= {};
  interactive.counts = { counts, significant };
})();
