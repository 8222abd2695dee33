// The deck plays the signals of one trial in step: all of them run, one of them sounds. Switching
// is a fade between two that are on the same sample.

const FADE_SECONDS = 0.015;
const START_DELAY_SECONDS = 0.03; // time to start all signals before the first of them sounds

function loadScript(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = path;
    script.onload = resolve;
    script.onerror = () =>
      reject(new Error(`${path} cannot be loaded; keep the folder excerpts beside index.html.`));
    document.head.append(script);
  });
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

// Fires "change" when it starts, stops, or another signal sounds.
class Deck extends EventTarget {
  #context = null;
  #sounds = new Map(); // script -> promise of {name: AudioBuffer}
  #voices = []; // {source, gain} of every signal while playing
  #trial = null;
  #buffers = [];
  #offset = 0; // seconds into the excerpt at which the voices started, or will
  #startedAt = 0; // on the context's clock
  #latest = 0; // number of the latest request; earlier ones that come late are dropped
  playingNow = 0;
  playing = false;

  // The trial is {script, signals: [{sound, gain}]}; resolves to whether it is this one that is on.
  async load(trial, playingNow) {
    const request = ++this.#latest;
    this.#context ??= new AudioContext();
    this.#context.resume(); // at once: browsers allow it in answer to a press only
    const sounds = await this.#decoded(trial.script);
    if (request !== this.#latest) return false;
    if (trial === this.#trial) {
      this.choose(playingNow);
      return true;
    }
    const position = this.#trial?.script === trial.script ? this.position : 0;
    this.#stop();
    this.#trial = trial;
    this.#buffers = trial.signals.map(({ sound }) => sounds[sound]);
    this.#offset = position;
    this.playingNow = playingNow;
    if (this.playing) this.#start();
    this.#changed();
    return true;
  }

  choose(playingNow) {
    this.playingNow = playingNow;
    const now = this.#context.currentTime;
    this.#voices.forEach(({ gain }, place) => {
      gain.gain.setTargetAtTime(this.#gain(place), now, FADE_SECONDS / 3);
    });
    this.#changed();
  }

  play() {
    if (this.playing || !this.#trial) return;
    this.playing = true;
    this.#start();
    this.#changed();
  }

  pause() {
    if (!this.playing) return;
    this.#offset = this.position;
    this.playing = false;
    this.#stop();
    this.#changed();
  }

  seek(seconds) {
    this.#offset = Math.min(Math.max(seconds, 0), this.duration);
    if (!this.playing) return;
    this.#stop();
    this.#start();
  }

  get duration() {
    return this.#buffers[0]?.duration ?? 0;
  }

  get position() {
    if (!this.#voices.length) return this.#offset;
    const elapsed = Math.max(0, this.#context.currentTime - this.#startedAt);
    return (this.#offset + elapsed) % this.duration;
  }

  // What each signal is played with at this moment.
  get gains() {
    return this.#voices.map(({ gain }) => gain.gain.value);
  }

  #decoded(script) {
    if (!this.#sounds.has(script)) {
      const decoded = this.#decode(script);
      this.#sounds.set(script, decoded);
      decoded.catch(() => this.#sounds.delete(script)); // another press tries again
    }
    return this.#sounds.get(script);
  }

  async #decode(script) {
    await loadScript(script);
    const encoded = Object.entries(window.excerptSounds[script]);
    delete window.excerptSounds[script];
    const decode = async ([name, text]) => [
      name,
      await this.#context.decodeAudioData(bytesOf(text)),
    ];
    return Object.fromEntries(await Promise.all(encoded.map(decode)));
  }

  #gain(place) {
    return place === this.playingNow ? this.#trial.signals[place].gain : 0;
  }

  #start() {
    this.#startedAt = this.#context.currentTime + START_DELAY_SECONDS;
    this.#voices = this.#buffers.map((buffer, place) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer, loop: true });
      const gain = new GainNode(this.#context, { gain: this.#gain(place) });
      source.connect(gain).connect(this.#context.destination);
      source.start(this.#startedAt, this.#offset % buffer.duration);
      return { source, gain };
    });
  }

  #stop() {
    const now = this.#context.currentTime;
    for (const { source, gain } of this.#voices) {
      gain.gain.setTargetAtTime(0, now, FADE_SECONDS / 3);
      source.stop(now + FADE_SECONDS * 2);
    }
    this.#voices = [];
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

// Calls back on every frame while the deck plays, and at every change.
function whilePlaying(deck, callback) {
  const step = () => {
    callback();
    if (deck.playing) requestAnimationFrame(step);
  };
  deck.addEventListener("change", step);
}

// A key press that is meant for the page, not for the control that has the focus.
function isForPage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { target } = event;
  if (target.matches("input[type=text], textarea, select")) return false;
  const presses = event.key === " " || event.key === "Enter";
  if (presses && target.closest("button, a, summary")) return false;
  const moves = event.key.startsWith("Arrow");
  return !(moves && target.matches("input[type=range]"));
}

// The place that a digit's key stands for: 1 is the first, 0 the tenth; -1 for any other key.
function placeOfDigit(key) {
  return "1234567890".indexOf(key);
}
