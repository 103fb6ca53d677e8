// Reads what Python writes: safetensors files (in float32 or float16), as base64.
// Every part of the playground is a property of `playground`, so that a worker can be made of their sources. It is a
// `var`, because a heading with that id is a property of the window, and would be taken for it.
'use strict';
var playground = playground ?? {};

playground.bytesOf = function (base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
};

// A file's tensors by name: { shape, values }, the values as float32, row by row.
playground.readTensors = function (bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensors = {};
  delete header.__metadata__;
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(header)) {
    const content = bytes.slice(8 + length + start, 8 + length + end).buffer;
    if (dtype === 'F32') tensors[name] = { shape, values: new Float32Array(content) };
    else if (dtype === 'F16') tensors[name] = { shape, values: playground.fromHalves(new Uint16Array(content)) };
    else throw new Error(`The tensor ${name} is of ${dtype}; the playground reads F32 and F16.`);
  }
  return tensors;
};

playground.fromHalves = function (halves) {
  const scales = Array.from({ length: 32 }, (_, exponent) => 2 ** ((exponent || 1) - 25));
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const exponent = (halves[i] >> 10) & 31;
    const size = (exponent ? 1024 : 0) + (halves[i] & 1023); // weights are finite: exponent 31 does not occur
    values[i] = (halves[i] & 0x8000 ? -size : size) * scales[exponent];
  }
  return values;
};
