// Runs the playground's engine in Node for tests/test_playground.py: questions come in as JSON, answers go out as JSON.
// Usage: node playground_in_node.js FOLDER_OF_SCRIPTS EXPORTED_SCRIPT < questions
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const [scripts, exported] = process.argv.slice(2);
const run = (file) => vm.runInThisContext(fs.readFileSync(file, 'utf8'), file);
for (const name of ['tensors', 'tokenizer', 'model', 'engine']) run(path.join(scripts, `${name}.js`));
let engine;
playground.receive = (content) => { engine = new playground.Engine(content); };
run(exported);

const answers = {
  encode: ({ texts }) => texts.map((text) => engine.tokenizer.encode(text)),
  decode: ({ rows }) => rows.map((row) => engine.tokenizer.decode(row)),
  logits: ({ tokens, name }) => engine.logits(tokens, name).map((row) => Array.from(row)),
  halves: ({ bits }) => Array.from(playground.fromHalves(Uint16Array.from(bits))),
  answer: (question) => {
    try {
      return [...engine.answer(question)];
    } catch (error) {
      return [{ kind: 'refusal', text: error.message }];
    }
  },
};
const questions = JSON.parse(fs.readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(questions.map((question) => answers[question.kind](question))));
