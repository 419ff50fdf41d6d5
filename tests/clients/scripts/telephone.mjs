// What all Node clients here need: the order, a microphone, a loudspeaker, and the report.

import { readFileSync, writeFileSync } from 'node:fs';

const BYTES_PER_MS = 48;
const STEP_MS = 20;
const LIMIT_MS = 75_000;
const PAUSE_MS = 800; // so long the caller is silent before answering, as people are
export const ANSWER_HEARD_MS = 1500; // so much of the answer the caller listens to before interrupting

export const order = JSON.parse(readFileSync(process.argv[2], 'utf8'));
order.url = `${order.base_url}/realtime?model=${order.model}`;
const question = readFileSync(order.question);
const interruption = readFileSync(order.interruption);

// Throws where the tool is to fail.
export function toolResult() {
  if (order.tool_fails) throw new Error('the book of hours is lost');
  return JSON.stringify(order.tool_result);
}

export const report = {
  heard: [],
  tools: [],
  caller: [],
  interruptions: 0,
  errors: [],
  log: [],
  history: [],
  // The entry of an answer, made when it is first heard of.
  hears(key) {
    let entry = this.heard.find((each) => each.key === key);
    if (!entry) {
      entry = { key, text: '', audio_ms: 0 };
      this.heard.push(entry);
    }
    return entry;
  },
};

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Sends 20 ms each 20 ms: what the caller says, and silence otherwise.
export class Microphone {
  #send;
  #waiting = Buffer.alloc(0);
  #timer;

  constructor(send) {
    this.#send = send;
  }

  start() {
    let due = performance.now();
    const step = () => {
      const piece = Buffer.alloc(STEP_MS * BYTES_PER_MS);
      this.#waiting.copy(piece);
      this.#waiting = this.#waiting.subarray(piece.length);
      this.#send(piece);
      due += STEP_MS;
      this.#timer = setTimeout(step, Math.max(0, due - performance.now()));
    };
    step();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  ask() {
    this.#waiting = question;
  }

  interrupt() {
    this.#waiting = interruption;
  }
}

// Plays what comes, in real time, from when the first of it came.
export class Loudspeaker {
  #begun;
  #receivedMs = 0;

  play(bytes) {
    this.#begun ??= performance.now();
    this.#receivedMs += bytes / BYTES_PER_MS;
  }

  get heardMs() {
    return this.#begun === undefined ? 0 : Math.floor(Math.min(this.#receivedMs, performance.now() - this.#begun));
  }

  get playing() {
    return this.#begun !== undefined && this.heardMs < Math.floor(this.#receivedMs);
  }

  async heard(ms) {
    while (this.heardMs < ms) await pause(20);
  }

  // Returns when all that came has been heard, and a pause later.
  async silent() {
    while (this.playing) await pause(20);
    await pause(PAUSE_MS);
  }
}

// Runs the conversation, and writes the report whatever became of it.
export async function run(converse) {
  const fail = (error) => report.errors.push(String(error?.stack ?? error));
  for (const name of ['warn', 'error']) {
    console[name] = (...parts) => report.log.push(parts.map(String).join(' '));
  }
  process.on('warning', (warning) => report.log.push(String(warning)));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const limit = new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error('the conversation took too long')), LIMIT_MS).unref();
  });
  await Promise.race([converse(), limit]).catch(fail);
  writeFileSync(order.report, JSON.stringify(report));
  process.exit(0);
}
