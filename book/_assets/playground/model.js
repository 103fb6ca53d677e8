// A Llama decoder that reads one position at a time. Letters as in the package: L layers, H heads, d head size,
// D model width, V vocabulary. Vectors are Float32Arrays, matrices rows of them.
'use strict';
var playground = playground ?? {};

playground.Model = class Model {
  constructor(config, tensors) {
    if (config.model_type !== 'llama' || config.num_key_value_heads !== config.num_attention_heads) {
      throw new Error(`The playground runs Llama models with a key for each head, not this ${config.model_type}.`);
    }
    const of = (name) => tensors[`model.${name}.weight`].values;
    this.width = config.hidden_size; // D
    this.heads = config.num_attention_heads; // H
    this.headSize = config.head_dim; // d
    this.positions = config.max_position_embeddings;
    this.epsilon = config.rms_norm_eps;
    this.embeddings = of('embed_tokens'); // [V, D], and the head, too: they are tied
    this.lastNorm = of('norm');
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, l) => ({
      attentionNorm: of(`layers.${l}.input_layernorm`),
      query: of(`layers.${l}.self_attn.q_proj`),
      key: of(`layers.${l}.self_attn.k_proj`),
      value: of(`layers.${l}.self_attn.v_proj`),
      output: of(`layers.${l}.self_attn.o_proj`),
      perceptronNorm: of(`layers.${l}.post_attention_layernorm`),
      gate: of(`layers.${l}.mlp.gate_proj`),
      up: of(`layers.${l}.mlp.up_proj`),
      down: of(`layers.${l}.mlp.down_proj`),
      weights: new Float32Array(this.heads * this.positions), // what each head attended to at the last position
    }));
    const half = this.headSize / 2;
    const theta = config.rope_parameters.rope_theta;
    this.cosines = new Float32Array(this.positions * half);
    this.sines = new Float32Array(this.positions * half);
    for (let place = 0; place < this.cosines.length; place++) {
      const angle = Math.floor(place / half) * theta ** (-(place % half) / half);
      this.cosines[place] = Math.cos(angle);
      this.sines[place] = Math.sin(angle);
    }
  }

  get vocabularySize() {
    return this.embeddings.length / this.width;
  }

  embedding(token) {
    return this.embeddings.subarray(token * this.width, (token + 1) * this.width);
  }

  // Room for the keys and values of `capacity` positions in every layer, [capacity, H·d] each.
  emptyCache(capacity) {
    const room = () => this.layers.map(() => new Float32Array(capacity * this.heads * this.headSize));
    return { keys: room(), values: room(), length: 0, capacity };
  }

  // Reads a vector [D] at the next position and keeps its keys and values. Gives the last layer's state [D].
  read(vector, cache) {
    const position = cache.length;
    if (position >= Math.min(cache.capacity, this.positions)) throw new Error('There is no position left to read at.');
    const size = this.heads * this.headSize;
    const state = Float32Array.from(vector);
    this.layers.forEach((layer, l) => {
      const seen = this.normalise(state, layer.attentionNorm);
      const query = this.multiply(layer.query, seen);
      const key = this.multiply(layer.key, seen);
      this.rotate(query, position);
      this.rotate(key, position);
      cache.keys[l].set(key, position * size);
      cache.values[l].set(this.multiply(layer.value, seen), position * size);
      const mixed = this.attend(query, cache.keys[l], cache.values[l], position + 1, layer.weights);
      this.add(state, this.multiply(layer.output, mixed));

      const before = this.normalise(state, layer.perceptronNorm);
      const gate = this.multiply(layer.gate, before);
      const up = this.multiply(layer.up, before);
      for (let i = 0; i < up.length; i++) up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
      this.add(state, this.multiply(layer.down, up));
    });
    cache.length++;
    return this.normalise(state, this.lastNorm);
  }

  logits(state) {
    return this.multiply(this.embeddings, state); // [V]
  }

  // Each head's mixture of the first `length` values. The weights [H, length] are left in `weights`.
  attend(query, keys, values, length, weights) {
    const { heads, headSize } = this;
    const size = heads * headSize;
    const mixed = new Float32Array(size);
    for (let head = 0; head < heads; head++) {
      const offset = head * headSize;
      const row = weights.subarray(head * length, (head + 1) * length);
      let highest = -Infinity;
      for (let t = 0; t < length; t++) {
        let score = 0;
        for (let i = 0; i < headSize; i++) score += query[offset + i] * keys[t * size + offset + i];
        row[t] = score / Math.sqrt(headSize);
        if (row[t] > highest) highest = row[t];
      }
      let sum = 0;
      for (let t = 0; t < length; t++) sum += row[t] = Math.exp(row[t] - highest);
      for (let t = 0; t < length; t++) {
        row[t] /= sum;
        for (let i = 0; i < headSize; i++) mixed[offset + i] += row[t] * values[t * size + offset + i];
      }
    }
    return mixed;
  }

  // Rotary positions: the two halves of a head are the two coordinates of d/2 points, each turned at its own speed.
  rotate(vector, position) {
    const half = this.headSize / 2;
    for (let start = 0; start < vector.length; start += this.headSize) {
      for (let i = 0; i < half; i++) {
        const cosine = this.cosines[position * half + i];
        const sine = this.sines[position * half + i];
        const a = vector[start + i];
        const b = vector[start + half + i];
        vector[start + i] = a * cosine - b * sine;
        vector[start + half + i] = b * cosine + a * sine;
      }
    }
  }

  normalise(vector, weight) {
    let squares = 0;
    for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i];
    const scale = 1 / Math.sqrt(squares / vector.length + this.epsilon);
    const normal = new Float32Array(vector.length);
    for (let i = 0; i < vector.length; i++) normal[i] = vector[i] * scale * weight[i];
    return normal;
  }

  // A matrix [rows, columns] times a vector [columns]. Four rows at a time: each number of the vector is fetched once
  // for all of them, and no sum waits for another. (The model's sizes are multiples of four.)
  multiply(matrix, vector) {
    const columns = vector.length;
    const product = new Float32Array(matrix.length / columns);
    for (let row = 0; row < product.length; row += 4) {
      const first = row * columns;
      const second = first + columns;
      const third = second + columns;
      const fourth = third + columns;
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 0; i < columns; i++) {
        const x = vector[i];
        a += matrix[first + i] * x;
        b += matrix[second + i] * x;
        c += matrix[third + i] * x;
        d += matrix[fourth + i] * x;
      }
      product[row] = a;
      product[row + 1] = b;
      product[row + 2] = c;
      product[row + 3] = d;
    }
    return product;
  }

  add(vector, other) {
    for (let i = 0; i < vector.length; i++) vector[i] += other[i];
  }
};
