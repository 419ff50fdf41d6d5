// The telephone: a call is a WebSocket, with audio as binary messages both ways and everything else as JSON.

import { clear, show, showKeys } from "./conversation.js";
import { openSound, SoundError } from "./sound.js";

const byId = (id) => document.getElementById(id);
const [status, callButton, mute] = ["status", "call", "mute"].map(byId);
const TEXTS = {
  idle: "Not in a call",
  microphone: "Waiting for the microphone …",
  calling: "Calling …",
  connected: "Connected",
  speaking: "The agent speaks",
  listening: "The agent listens",
  error: "The call failed",
};
const CLOSED = {
  1001: "openai-realtime talk has ended.",
  1006: "openai-realtime talk can't be reached: does it still run?",
};
const MOST_BUFFERED = 1 << 18; // bytes

let call = null; // while there is one: { socket, sound, began, figures }

setState("idle");
setInterval(tick, 500);
callButton.addEventListener("click", () => (call ? hangUp() : begin()));
mute.addEventListener("click", () => setMuted(mute.ariaPressed !== "true"));
byId("keys").addEventListener("click", ({ target }) => target.matches(".keypad button") && press(target.textContent));
addEventListener("keydown", (event) => {
  if (/^[0-9*#]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) press(event.key);
});
addEventListener("pagehide", () => call?.socket?.close(1000));
if (matchMedia("(max-width: 44rem)").matches) byId("keys").open = false;

async function begin() {
  const mine = (call = { socket: null, sound: null, began: null, figures: null });
  byId("hint").hidden = true;
  clear();
  setState("microphone");
  try {
    const sound = await openSound({
      hears: (pcm) => canTake(mine.socket) && mine.socket.send(pcm),
      callerLevel: (level) => setLevel("caller-level", level),
      played: (report) => {
        setLevel("agent-level", report.level);
        Object.assign(byId("agent-level").dataset, report);
      },
      lost: () => show({ who: "notice", text: "The microphone is gone: the agent hears nothing any more." }),
    });
    if (call !== mine) return sound.close(); // hung up meanwhile
    mine.sound = sound;
    open(mine);
  } catch (error) {
    if (call === mine) finish(error instanceof SoundError ? error.message : String(error), "error");
  }
}

/** Audio that can't leave is left out: late, it would be of no use. */
function canTake(socket) {
  return socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_BUFFERED;
}

function open(mine) {
  const url = new URL("call", location.href);
  url.protocol = "ws:";
  url.searchParams.set("rate", mine.sound.rate);
  mine.socket = new WebSocket(url);
  mine.socket.binaryType = "arraybuffer";
  mine.socket.onmessage = ({ data }) => (typeof data === "string" ? heed(mine, JSON.parse(data)) : mine.sound.play(data));
  mine.socket.onclose = ({ code, reason }) => {
    if (call === mine) finish(CLOSED[code] ?? (reason || "The call is over."), "error");
  };
  setState("calling");
}

function heed(mine, message) {
  if (call !== mine) return;
  if (message.type === "entry") show(message);
  else if (message.type === "summary") mine.figures = message.figures;
  else if (message.type === "ended") finish(message.text, message.reason === "failed" ? "error" : "end");
  else {
    if (message.state !== "calling") mine.began ??= Date.now();
    setState(message.state);
  }
}

function hangUp() {
  if (call.socket?.readyState === WebSocket.OPEN) {
    call.socket.send(JSON.stringify({ type: "hang_up" })); // its end is told
    callButton.disabled = true;
  } else finish("You hung up.", "end");
}

function finish(text, who) {
  const { sound, socket, figures } = call;
  call = null;
  sound?.close();
  socket?.close(1000);
  setMuted(false);
  setLevel("caller-level", 0);
  show({ who, text, figures });
  setState(who === "error" ? "error" : "idle");
}

function press(digits) {
  if (call?.socket?.readyState !== WebSocket.OPEN) return;
  call.socket.send(JSON.stringify({ type: "keys", digits }));
  showKeys(digits);
}

function setMuted(muted) {
  mute.ariaPressed = String(muted);
  if (call?.sound) call.sound.muted = muted;
}

function setState(state) {
  status.dataset.state = state;
  callButton.textContent = call ? "Hang up" : "Call";
  callButton.classList.toggle("hang-up", call !== null);
  callButton.disabled = false;
  mute.disabled = !call?.sound;
  for (const key of document.querySelectorAll(".keypad button")) key.disabled = !call?.sound;
  tick();
}

function tick() {
  const began = call?.began;
  const time = began ? ` · ${new Date(Date.now() - began).toISOString().slice(14, 19)}` : "";
  const text = (TEXTS[status.dataset.state] ?? status.dataset.state) + time;
  if (status.textContent !== text) status.textContent = text;
}

function setLevel(id, level) {
  byId(id).value = Math.min(1, Math.sqrt(level * 2)); // speech fills half of it
}
