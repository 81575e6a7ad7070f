// Who answers the questions of a widget: a kernel, or a page that holds some answers.

function kernelQuestions(model) {
  const ours = Math.random().toString(36).slice(2); // several views may share one model
  const waiting = new Map(); // number of a question -> what to do with its answer
  const asked = new Map(); // question as text -> promise of its answer
  let nAsked = 0;

  model.on('msg:custom', message => {
    const question = waiting.get(message.id);
    if (!question) return;
    waiting.delete(message.id);
    if (message.error === undefined) question.resolve(message.answer);
    else question.reject(Error(message.error));
  });

  function send(call, args) {
    return new Promise((resolve, reject) => {
      nAsked += 1;
      const id = ours + nAsked;
      waiting.set(id, {resolve, reject});
      model.send({id, call, args});
    });
  }

  return (call, ...args) => {
    const key = JSON.stringify([call, ...args]);
    if (!asked.has(key)) {
      asked.set(key, send(call, args));
      asked.get(key).catch(() => asked.delete(key)); // an error is no answer to keep
    }
    return asked.get(key);
  };
}

function pageModel(data) { // stands in for the kernel's model
  const answers = new Map(data.answers.map(([question, answer]) => [JSON.stringify(question), answer]));
  const values = {};
  return {
    get: name => name === 'state' ? data.state : values[name],
    set: (name, value) => {
      values[name] = value;
    },
    save_changes() {},
    async ask(...question) {
      const key = JSON.stringify(question);
      if (answers.has(key)) return answers.get(key);
      const error = Error('This page does not hold the answer: open the notebook to go on from here.');
      error.absent = true;
      throw error;
    },
  };
}
