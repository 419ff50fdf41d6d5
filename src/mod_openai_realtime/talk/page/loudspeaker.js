// Plays pcm16 as it comes. It comes when the network and the page get to it, so a little waits before it is heard; what
// is far too much, as after the page stood still, is left out: a call must not fall behind.

const CUSHION_S = 0.06;
const MOST_S = 0.4;
const REPORT_S = 0.05;

class Loudspeaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunks = [];
    this.position = 0; // in the first of them
    this.waiting = 0; // samples in all of them
    this.playing = false;
    this.figures = { played: 0, gaps: 0, leftOut: 0 };
    this.power = 0;
    this.count = 0;
    this.port.onmessage = ({ data }) => this.take(new Int16Array(data));
  }

  take(chunk) {
    this.chunks.push(chunk);
    this.waiting += chunk.length;
    if (this.waiting > MOST_S * sampleRate) {
      while (this.waiting > CUSHION_S * sampleRate && this.chunks.length > 1) {
        const left = this.chunks.shift().length - this.position;
        this.position = 0;
        this.waiting -= left;
        this.figures.leftOut += left;
      }
    }
  }

  next() {
    const chunk = this.chunks[0];
    const sample = chunk[this.position++] / 32768;
    this.waiting--;
    if (this.position === chunk.length) {
      this.chunks.shift();
      this.position = 0;
    }
    return sample;
  }

  process(_inputs, [[channel, ...others]]) {
    this.playing ||= this.waiting >= CUSHION_S * sampleRate;
    for (let i = 0; i < channel.length; i++) {
      if (this.playing && this.waiting === 0) {
        this.playing = false;
        this.figures.gaps++;
      }
      channel[i] = this.playing ? this.next() : 0;
      this.figures.played += this.playing ? 1 : 0;
      this.power += channel[i] * channel[i];
    }
    others.forEach((other) => other.set(channel));
    this.report(channel.length);
    return true;
  }

  report(samples) {
    this.count += samples;
    if (this.count >= REPORT_S * sampleRate) {
      this.port.postMessage({ level: Math.sqrt(this.power / this.count), ...this.figures });
      this.power = 0;
      this.count = 0;
    }
  }
}

registerProcessor("loudspeaker", Loudspeaker);
