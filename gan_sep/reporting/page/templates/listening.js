// The blind listening test: a reference and letters; nothing that is seen says what a letter is.

class Listening {
  #deck;
  #data;
  #view = document.getElementById("listening");
  #introduction = document.getElementById("introduction");
  #form = document.getElementById("trial");
  #farewell = document.getElementById("farewell");
  #listener = document.getElementById("listener");
  #play = document.getElementById("listening-play");
  #reference = document.getElementById("open-reference");
  #status = document.getElementById("listening-status");
  #stimuli = document.getElementById("stimuli");
  #missing = document.getElementById("missing");
  session = null;
  playingNow = null; // a letter's number, "reference", or null before the first

  constructor(deck, data) {
    this.#deck = deck;
    this.#data = data;
    this.#on(this.#introduction, "submit", () => this.#begin());
    this.#on(this.#form, "submit", () => this.next());
    this.#on("continue", "click", () => this.#goOn());
    this.#on("back", "click", () => this.back());
    this.#on("download", "click", () => this.#download());
    this.#on("again", "click", () => this.#introduce());
    this.#on(this.#play, "click", () => this.#toggle());
    this.#on(this.#reference, "click", () => this.play("reference"));
    document.addEventListener("keydown", (event) => this.#key(event));
    deck.addEventListener("change", () => this.#showDeck());
  }

  get isOpen() {
    return !this.#view.hidden;
  }

  // After a reload an unfinished session goes on at once.
  open(reloaded) {
    this.#view.hidden = false;
    this.session = Session.kept(this.#data);
    if (reloaded && this.session && !this.session.stored.finished) this.#showTrial();
    else this.#introduce();
  }

  close() {
    this.#deck.pause();
    this.#view.hidden = true;
    this.playingNow = null;
  }

  async play(what) {
    const trial = this.#trialData();
    const letters = this.session.trial.letters;
    const isReference = ({ arm }) => arm === "reference";
    const signal =
      what === "reference" ? trial.signals.findIndex(isReference) : letters[what];
    this.playingNow = what;
    try {
      if (await this.#deck.load(trial, signal)) this.#deck.play();
    } catch (error) {
      this.#status.textContent = error.message;
    }
  }

  next() {
    const unrated = this.session.trial.ratings.indexOf(null);
    if (unrated >= 0) {
      this.#missing.textContent = `Rate ${letterOf(unrated)} first.`;
      this.#slider(unrated).focus();
    } else if (this.session.isLast) {
      this.#deck.pause();
      this.session.finish();
      this.#thank();
    } else {
      this.#moveTo(this.session.stored.place + 1);
    }
  }

  back() {
    if (this.session.stored.place > 0) this.#moveTo(this.session.stored.place - 1);
  }

  #on(element, kind, act) {
    const target = typeof element === "string" ? document.getElementById(element) : element;
    target.addEventListener(kind, (event) => {
      event.preventDefault();
      act();
    });
  }

  #only(shown) {
    for (const part of [this.#introduction, this.#form, this.#farewell]) {
      part.hidden = part !== shown;
    }
  }

  // The session that is kept is offered again, to go on, to be saved, or to make room.
  #introduce() {
    this.#only(this.#introduction);
    const count = this.#data.excerpts.reduce((sum, { trials }) => sum + trials.length, 0);
    document.getElementById("number-of-trials").textContent = count;
    const goOn = document.getElementById("continue");
    goOn.hidden = !this.session;
    document.getElementById("kept").hidden = !this.session;
    if (this.session) {
      const { listener, finished } = this.session.stored;
      const rated = `${this.session.numberRated} of ${count} rated`;
      goOn.textContent = finished
        ? `Save the ratings of ${listener} again`
        : `Continue as ${listener}, ${rated}`;
    }
    this.#listener.value = "";
    this.#listener.focus();
  }

  #begin() {
    const listener = this.#listener.value.trim();
    if (!listener) return;
    this.session = Session.draw(this.#data, listener);
    const kept = this.session.keep();
    this.#showTrial();
    if (!kept) this.#missing.textContent = "This browser keeps nothing: do not reload the page.";
  }

  #goOn() {
    if (this.session.stored.finished) this.#thank();
    else this.#showTrial();
  }

  #thank() {
    this.#only(this.#farewell);
    this.#farewell.querySelector("h1").focus();
  }

  #moveTo(place) {
    this.#deck.pause();
    this.session.goTo(place);
    this.#showTrial();
  }

  #trialData() {
    const { excerpt, trial } = this.session.trial;
    return this.#data.excerpts[excerpt].trials[trial];
  }

  #showTrial() {
    this.#only(this.#form);
    this.playingNow = null;
    const { place, trials } = this.session.stored;
    const { excerpt, ratings } = this.session.trial;
    document.getElementById("trial-number").textContent = `Trial ${place + 1} of ${trials.length}`;
    document.getElementById("progress").value = place / trials.length;
    const title = document.getElementById("trial-title");
    title.textContent = `${this.#trialData().source} of ${this.#data.excerpts[excerpt].track}`;
    document.getElementById("back").disabled = place === 0;
    document.getElementById("next").textContent = this.session.isLast ? "Finish" : "Next";
    this.#missing.textContent = "";
    this.#stimuli.replaceChildren(...ratings.map((rating, letter) => this.#stimulus(letter, rating)));
    this.#showDeck();
    title.focus();
  }

  #stimulus(letter, rating) {
    const item = document.getElementById("stimulus").content.cloneNode(true).firstElementChild;
    const [button, slider, output] = item.children;
    button.textContent = letterOf(letter);
    slider.setAttribute("aria-label", `Rating of ${letterOf(letter)}`);
    slider.value = rating ?? 50;
    const show = (value) => {
      output.textContent = value ?? "–";
      item.classList.toggle("unrated", value === null);
      slider.setAttribute("aria-valuetext", value === null ? "not rated" : String(value));
    };
    show(rating);
    button.addEventListener("click", () => this.play(letter));
    const rate = () => {
      show(slider.valueAsNumber);
      this.session.rate(letter, slider.valueAsNumber);
      this.#missing.textContent = "";
    };
    slider.addEventListener("input", rate);
    slider.addEventListener("pointerup", rate); // a press on the middle changes nothing else
    return item;
  }

  #slider(letter) {
    return this.#stimuli.children[letter].querySelector("input");
  }

  #showDeck() {
    if (!this.isOpen || !this.session) return;
    const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
    press(this.#reference, this.playingNow === "reference");
    [...this.#stimuli.children].forEach((item, letter) => {
      press(item.querySelector("button"), this.playingNow === letter);
    });
    showPlayButton(this.#play, this.#deck.playing);
    const named = this.playingNow === "reference" ? "Reference" : letterOf(this.playingNow);
    this.#status.textContent = this.playingNow === null ? "" : named;
  }

  #toggle() {
    if (this.playingNow === null) this.play("reference");
    else if (this.#deck.playing) this.#deck.pause();
    else this.#deck.play();
  }

  #key(event) {
    if (!this.isOpen || this.#form.hidden || !isForPage(event)) return;
    const act = this.#action(event.key.toLowerCase(), event.shiftKey);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #action(key, shift) {
    const letter = placeOfDigit(key);
    if (letter in this.#stimuli.children) {
      return () => {
        this.#slider(letter).focus();
        this.play(letter);
      };
    }
    return {
      r: () => this.play("reference"),
      " ": () => this.#toggle(),
      enter: () => (shift ? this.back() : this.next()),
    }[key];
  }

  #download() {
    const result = this.session.result(this.#data);
    const text = `${JSON.stringify(result, null, 2)}\n`;
    const link = document.createElement("a");
    const named = `listening-${result.study}-${result.listener}`.replace(/[^\p{L}\p{N}]+/gu, "-");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `${named}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function letterOf(number) {
  return number === null ? "" : String.fromCharCode(65 + number);
}
