// The conversation: an item of the list for each entry, made anew whenever the entry changes.

const list = document.getElementById("conversation");
const main = document.querySelector("main");
const NEAR_THE_END = 80; // pixels

export function clear() {
  list.replaceChildren();
}

/** `entry` is one of the server's (talk/view.py), or one of the page's own: keys, end, error. One without an id is new. */
export function show(entry) {
  const follow = main.scrollHeight - main.scrollTop - main.clientHeight < NEAR_THE_END;
  const item = element("li", "", ...(RENDERERS[entry.who] ?? RENDERERS.text)(entry));
  item.className = `${entry.who} ${entry.state ?? ""}`;
  item.dataset.id = entry.id ?? "";
  const old = entry.id && [...list.children].find((each) => each.dataset.id === entry.id);
  old ? old.replaceWith(item) : list.append(item);
  if (follow) main.scrollTop = main.scrollHeight;
}

/** Keys that follow one another make one entry. */
export function showKeys(digits) {
  const last = list.lastElementChild;
  const before = last?.classList.contains("keys") ? last.querySelector("p").textContent : "You pressed ";
  if (before !== "You pressed ") last.remove();
  show({ who: "keys", text: before + digits });
}

const RENDERERS = {
  caller(entry) {
    const spoke = entry.spoke_ms === undefined ? "" : `${seconds(entry.spoke_ms)} of speech`;
    return [words(entry.text, CALLER_UNKNOWN[entry.state] ?? "…"), note(spoke, entry.error)];
  },

  agent(entry) {
    const text = words(entry.text, entry.unheard || entry.state === "speaking" ? "" : "(audio)");
    if (entry.unheard) text.append(" ", element("s", entry.unheard));
    const cut = entry.state === "interrupted" ? `interrupted after ${seconds(entry.heard_ms)}` : "";
    const waited = Number.isInteger(entry.latency_ms) ? `${entry.latency_ms} ms after your turn` : "";
    return [text, note(waited, cut)];
  },

  tool(entry) {
    const head = element("p", "");
    head.append(element("b", entry.name), entry.state === "running" ? " runs …" : "");
    const parts = [head, element("pre", entry.arguments)];
    const outcome = entry.error ?? entry.result;
    if (outcome !== undefined) {
      const said = element("pre", `${entry.error === undefined ? "→" : "failed:"}\u00a0${outcome}`);
      said.classList.add("outcome");
      parts.push(said, note(`${entry.took_ms} ms`));
    } else if (entry.state === "over") parts.push(note("the call ended with it"));
    return parts;
  },

  end: (entry) => [element("p", entry.text), note(...figures(entry.figures))],

  told: (entry) => [element("p", `The model was told: «${entry.text}»`)],

  // A notice; keys and errors of the page's own.
  text: (entry) => [element("p", entry.text)],
};

const CALLER_UNKNOWN = { unknown: "(not transcribed)", waiting: "(words to come)", done: "(nothing understood)" };

function figures(told) {
  if (!told) return [];
  const { median, p95 } = told.latency_ms ?? {};
  return [
    seconds(told.duration_ms),
    `${told.turns} ${told.turns === 1 ? "answer" : "answers"}, ${told.interruptions} interrupted`,
    Number.isInteger(median) && `you waited ${median} ms (median), ${p95} ms (95 %)`,
    told.input_tokens || told.output_tokens ? `${told.input_tokens} tokens in, ${told.output_tokens} out` : "",
  ];
}

function words(text, otherwise) {
  const made = element("p", text);
  if (!text && otherwise) made.append(element("span", otherwise, "none"));
  return made;
}

function note(...texts) {
  const said = texts.filter(Boolean).join(" · ");
  return said ? element("small", said) : "";
}

function element(name, text, ...rest) {
  const made = document.createElement(name);
  made.append(text);
  if (name === "span") [made.className] = rest;
  else made.append(...rest);
  return made;
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
