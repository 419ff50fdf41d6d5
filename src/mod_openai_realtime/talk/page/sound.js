// Microphone and loudspeaker, both at the browser's own rate.

const WANTED = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const REASONS = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it (beside the address), and call again.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "The microphone can't be opened: does another program have it?",
};
const DRAIN_MS = 500;

export class SoundError extends Error {}

/** `hears(pcm)`: 20 ms of the microphone. `callerLevel(level)`: root mean square, 0 to 1. `played(report)`: as
 * loudspeaker.js has it. `lost()`: the microphone was unplugged. Throws SoundError. */
export async function openSound({ hears, callerLevel, played, lost }) {
  const stream = await microphone();
  let context;
  try {
    const opened = connected(stream);
    context = opened.context;
    await Promise.all(["microphone.js", "loudspeaker.js"].map((name) => context.audioWorklet.addModule(name)));
    const caller = new AudioWorkletNode(context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
    const agent = new AudioWorkletNode(context, "loudspeaker", { numberOfInputs: 0, outputChannelCount: [2] });
    opened.source.connect(caller).connect(context.destination); // of silence: what leads nowhere does not run
    agent.connect(context.destination);
    stream.getAudioTracks()[0].addEventListener("ended", lost);
    const sound = new Sound(stream, context, agent, played);
    caller.port.onmessage = ({ data }) => {
      callerLevel(sound.muted ? 0 : data.level);
      hears(sound.muted ? new ArrayBuffer(data.pcm.byteLength) : data.pcm);
    };
    agent.port.onmessage = ({ data }) => played(data);
    await context.resume();
    return sound;
  } catch (error) {
    stream.getTracks().forEach((track) => track.stop());
    context?.close();
    throw new SoundError(`The browser's audio can't be used: ${error.message}`);
  }
}

class Sound {
  constructor(stream, context, agent, played) {
    this.muted = false;
    this.rate = context.sampleRate;
    this.stream = stream;
    this.context = context;
    this.agent = agent;
    this.played = played;
  }

  /** What the channel has sent. */
  play(pcm) {
    this.agent.port.postMessage(pcm, [pcm]);
  }

  /** The microphone at once; what is to be heard is heard. */
  close() {
    this.stream.getTracks().forEach((track) => track.stop());
    setTimeout(async () => {
      await this.context.close();
      this.played({ level: 0 });
    }, DRAIN_MS);
  }
}

async function microphone() {
  if (!navigator.mediaDevices) {
    throw new SoundError("This browser gives no page a microphone here: open the address that was printed, as it is.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: WANTED });
  } catch (error) {
    throw new SoundError(REASONS[error.name] ?? `The microphone can't be used: ${error.message}`);
  }
}

/** 48 kHz are easiest to convert; where the microphone has another rate some browsers insist on that. */
function connected(stream) {
  const wide = new AudioContext({ sampleRate: 48000 });
  try {
    return { context: wide, source: wide.createMediaStreamSource(stream) };
  } catch {
    wide.close();
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
