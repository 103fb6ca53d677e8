// Where the engine runs: in a worker, so that the page never waits; or, where there can be none, in the page.
'use strict';
var playground = playground ?? {};

// Answers what comes in at `port`. A place's newer question stops its older one.
playground.serve = function (port) {
  const newest = {};
  let engine;
  // Between two tokens others have their turn. (A timer would wait four milliseconds.)
  const { port1, port2 } = new MessageChannel();
  const turn = () => new Promise((done) => {
    port1.addEventListener('message', done, { once: true });
    port2.postMessage(null);
  });
  port1.start();

  port.onmessage = async ({ data: { kind, place, number, ...question } }) => {
    const reply = (event) => port.postMessage({ ...event, place, number });
    try {
      if (kind === 'open') engine = new playground.Engine(question.content);
      if (kind === 'add') engine.add(question.name, question.bytes);
      if (kind !== 'ask') return reply({ kind: 'ready' });
      newest[place] = number;
      for (const event of engine.answer(question)) {
        if (newest[place] !== number) return undefined;
        reply(event);
        await turn();
      }
    } catch (error) {
      reply({ kind: 'refusal', text: error.message });
    }
    return undefined;
  };
};

// A worker made of the sources: a page from the disk may not load a worker's file.
playground.makeWorker = function () {
  const parts = ['bytesOf', 'readTensors', 'fromHalves', 'Tokenizer', 'Model', 'Engine', 'serve'];
  const sources = parts.map((name) => `playground.${name} = ${playground[name]};`);
  const code = ["'use strict';", 'const playground = {};', ...sources, 'playground.serve(self);'].join('\n');
  return new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
};

// The engine behind a port with `postMessage` and `onmessage`, once it is ready.
playground.openEngine = function (content) {
  const ready = (port) => new Promise((done, failed) => {
    port.onerror = () => failed(new Error('no worker'));
    port.onmessage = ({ data }) => (data.kind === 'ready' ? done(port) : failed(new Error(data.text)));
    port.postMessage({ kind: 'open', content });
  });
  const inPage = () => {
    const { port1, port2 } = new MessageChannel();
    playground.serve(port1);
    return ready(port2);
  };
  try {
    return ready(playground.makeWorker()).catch(inPage);
  } catch {
    return inPage();
  }
};
