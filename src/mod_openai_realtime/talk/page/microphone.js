// Hands out what the microphone hears: pcm16, 20 ms at a time, with its level (root mean square, 0 to 1).

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.begin();
  }

  begin() {
    this.block = new Int16Array(Math.round(sampleRate / 50));
    this.filled = 0;
    this.power = 0;
  }

  process([input]) {
    for (const sample of input[0] ?? []) {
      const value = Math.max(-1, Math.min(1, sample));
      this.power += value * value;
      this.block[this.filled++] = Math.round(value * 32767);
      if (this.filled === this.block.length) {
        const level = Math.sqrt(this.power / this.filled);
        this.port.postMessage({ pcm: this.block.buffer, level }, [this.block.buffer]);
        this.begin();
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
