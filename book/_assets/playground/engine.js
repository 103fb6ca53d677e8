// The model with its tokenizer and trained prompts: what it writes for a text, step by step.
'use strict';
var playground = playground ?? {};

playground.Engine = class Engine {
  // content: what book/_ext/playground.py exports.
  constructor({ config, tokenizer, weights, prompts }) {
    this.tokenizer = new playground.Tokenizer(tokenizer);
    this.model = new playground.Model(config, playground.readTensors(playground.bytesOf(weights)));
    this.ends = new Set([config.eos_token_id, ...this.tokenizer.encode('\n')]);
    this.start = config.eos_token_id; // read where there is nothing else
    this.prompts = {};
    for (const [name, file] of Object.entries(prompts)) this.add(name, playground.bytesOf(file));
  }

  // A trained prompt is a file of PEFT's: vectors [P, D], or a prefix's rows [P, L·2·H·d]. Both are kept as the keys and
  // values of P positions: in a decoder nothing in front depends on what follows, so that is all a text sees of either.
  add(name, bytes) {
    const { model } = this;
    const rows = playground.readTensors(bytes).prompt_embeddings;
    const size = model.heads * model.headSize;
    const prefixWidth = 2 * model.layers.length * size;
    if (!rows || ![model.width, prefixWidth].includes(rows.shape[1])) {
      throw new Error(`This file holds ${rows ? `rows of ${rows.shape[1]} numbers` : 'no prompt'}; expected a soft `
        + `prompt (${model.width} numbers a row) or a prefix (${prefixWidth}) made for course-gpt.`);
    }
    const [length, width] = rows.shape;
    const cache = model.emptyCache(length);
    for (let p = 0; p < length; p++) {
      const row = rows.values.subarray(p * width, (p + 1) * width);
      if (width === model.width) {
        model.read(row, cache);
        continue;
      }
      model.layers.forEach((_, l) => {
        cache.keys[l].set(row.subarray(2 * l * size, (2 * l + 1) * size), p * size);
        cache.values[l].set(row.subarray((2 * l + 1) * size, (2 * l + 2) * size), p * size);
      });
      cache.length++;
    }
    this.prompts[name] = cache;
  }

  // A cache with room for `more` positions, behind the prompt `name`, or empty.
  cacheBehind(name, more) {
    const prompt = name ? this.prompts[name] : { length: 0 };
    if (!prompt) throw new Error(`There is no trained prompt ${name}.`);
    if (prompt.length + more > this.model.positions) {
      throw new Error(`The model has ${this.model.positions} positions, and this needs ${prompt.length + more}; `
        + 'shorten the input or the words.');
    }
    const cache = this.model.emptyCache(prompt.length + more);
    if (prompt.length) {
      prompt.keys.forEach((keys, l) => cache.keys[l].set(keys));
      prompt.values.forEach((values, l) => cache.values[l].set(values));
      cache.length = prompt.length;
    }
    return cache;
  }

  // Logits [T][V] for tokens behind the prompt `name`.
  logits(tokens, name) {
    const cache = this.cacheBehind(name, tokens.length);
    return tokens.map((token) => this.model.logits(this.model.read(this.model.embedding(token), cache)));
  }

  // The greedy answer to `input` in the words of `template`, behind the prompt `name`, as a series of events:
  // 'read' with each layer's attention, then a 'choice' for every token, then 'end'.
  * answer({ template, input, name, most = 64 }) {
    const slots = template.split('{x}').length - 1;
    if (slots !== 1) throw new Error(`The words have the slot {x} ${slots} times; write it once, where the input goes.`);
    if (!input) throw new Error('The input is empty; type a text or choose an example.');
    const tokens = this.tokenizer.encode(template.replace('{x}', () => input));
    const cache = this.cacheBehind(name, tokens.length + most);
    const { attention, state } = this.readText(tokens, this.areOfInput(tokens, template, input), cache);
    yield { kind: 'read', attention, tokens: tokens.length };

    const started = performance.now();
    const written = [];
    for (let last = state; written.length < most;) {
      const likeliest = this.likeliest(this.model.logits(last));
      const token = likeliest[0].number;
      const ends = this.ends.has(token);
      if (!ends) written.push(token);
      yield { kind: 'choice', likeliest, text: this.tokenizer.decode(written).split('\n')[0].trim() };
      if (ends) break;
      last = this.model.read(this.model.embedding(token), cache);
    }
    yield { kind: 'end', tokens: written.length, seconds: (performance.now() - started) / 1000 };
  }

  // Which tokens of the text overlap the input, counted in bytes.
  areOfInput(tokens, template, input) {
    const bytes = (text) => new TextEncoder().encode(text).length;
    const from = bytes(template.split('{x}')[0]);
    const to = from + bytes(input);
    let end = 0;
    return tokens.map((token) => {
      const start = end;
      end += this.tokenizer.bytesOf(token).length || bytes(this.tokenizer.vocabulary[token]);
      return start < to && end > from;
    });
  }

  // Reads the tokens. Gives the last state, and for every layer the shares of attention that go to the trained prompt,
  // the words and the input: a mean over heads and tokens.
  readText(tokens, ofInput, cache) {
    const { model } = this;
    const prompt = cache.length;
    const attention = model.layers.map(() => ({ prompt: 0, words: 0, input: 0 }));
    let state;
    tokens.forEach((token, number) => {
      state = model.read(model.embedding(token), cache);
      const part = (t) => (t < prompt ? 'prompt' : ofInput[t - prompt] ? 'input' : 'words');
      model.layers.forEach(({ weights }, l) => {
        for (let head = 0; head < model.heads; head++) {
          for (let t = 0; t < cache.length; t++) {
            attention[l][part(t)] += weights[head * cache.length + t] / (model.heads * tokens.length);
          }
        }
      });
    });
    return { attention, state };
  }

  // The most probable next tokens, with their probabilities.
  likeliest(logits, count = 5) {
    const highest = logits.reduce((most, logit) => Math.max(most, logit));
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
    const nth = Float32Array.from(logits).sort().at(-count);
    const order = [...logits.keys()].filter((number) => logits[number] >= nth)
      .sort((a, b) => logits[b] - logits[a]).slice(0, count);
    return order.map((number) => (
      { number, shown: this.tokenizer.shown(number), probability: Math.exp(logits[number] - highest) / sum }));
  }
};
