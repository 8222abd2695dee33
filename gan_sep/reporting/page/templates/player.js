// The player: tiles that switch between mixture, reference and arms, and the bar at the bottom.

class Player {
  #deck;
  #excerpts;
  #rows = [...document.querySelectorAll(".trial")];
  #bar = document.getElementById("transport");
  #play = document.getElementById("play");
  #text = document.getElementById("playing");
  #position = document.getElementById("position");
  #clock = document.getElementById("clock");
  row = null; // the row whose signals play
  active = true; // whether the deck and the keys are this player's

  constructor(deck, excerpts) {
    this.#deck = deck;
    this.#excerpts = excerpts;
    for (const row of this.#rows) {
      this.#tiles(row).forEach((tile, signal) =>
        tile.addEventListener("click", () => this.press(row, signal)),
      );
    }
    this.#play.addEventListener("click", () => this.toggle());
    this.#position.addEventListener("input", () => {
      deck.seek(this.#position.valueAsNumber * deck.duration);
      this.#showPosition();
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    deck.addEventListener("change", () => this.#show());
    whilePlaying(deck, () => this.#showPosition());
  }

  get state() {
    const { excerpt, trial } = this.row?.dataset ?? {};
    const { playingNow, playing, position, duration, gains } = this.#deck;
    return { excerpt, trial, playingNow, playing, position, duration, gains };
  }

  // A press on what sounds already pauses or goes on.
  async press(row, signal) {
    if (row === this.row && signal === this.#deck.playingNow) return this.toggle();
    const { excerpt, trial } = row.dataset;
    const before = this.row;
    this.#bar.hidden = false;
    if (row !== before) this.#text.textContent = "Loading …";
    this.row = row;
    try {
      if (await this.#deck.load(this.#excerpts[excerpt].trials[trial], signal)) this.#deck.play();
    } catch (error) {
      this.row = before;
      this.#text.textContent = error.message;
    }
  }

  toggle() {
    if (this.#deck.playing) this.#deck.pause();
    else this.#deck.play();
  }

  // Stops and forgets the row, so that another part of the page can have the deck.
  release() {
    this.#deck.pause();
    this.active = false;
    this.row = null;
    this.#bar.hidden = true;
    for (const row of this.#rows) this.#press(row, null);
  }

  #tiles(row) {
    return [...row.querySelectorAll(".tile")];
  }

  #key(event) {
    if (!this.active || !this.row || !isForPage(event)) return;
    const act = this.#action(event.key.toLowerCase());
    if (!act) return;
    event.preventDefault();
    act();
  }

  #action(key) {
    const signal = placeOfDigit(key);
    if (signal in this.#tiles(this.row)) return () => this.#switchTo(this.row, signal);
    const { position } = this.#deck;
    return {
      " ": () => this.toggle(),
      arrowleft: () => this.#seek(position - 1),
      arrowright: () => this.#seek(position + 1),
      n: () => this.#neighbour(1),
      p: () => this.#neighbour(-1),
    }[key];
  }

  #switchTo(row, signal) {
    if (row !== this.row || signal !== this.#deck.playingNow) this.press(row, signal);
  }

  #seek(seconds) {
    this.#deck.seek(seconds);
    this.#showPosition();
  }

  #neighbour(step) {
    const row = this.#rows[this.#rows.indexOf(this.row) + step];
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    this.#switchTo(row, this.#deck.playingNow);
  }

  #show() {
    if (!this.active || !this.row) return;
    const { excerpt, trial } = this.row.dataset;
    const { track, trials } = this.#excerpts[excerpt];
    const { source, signals } = trials[trial];
    this.#text.textContent = `${signals[this.#deck.playingNow].name} · ${source} · ${track}`;
    showPlayButton(this.#play, this.#deck.playing);
    for (const row of this.#rows) this.#press(row, row === this.row ? this.#deck.playingNow : null);
  }

  #press(row, signal) {
    row.classList.toggle("current", signal !== null);
    this.#tiles(row).forEach((tile, place) =>
      tile.setAttribute("aria-pressed", String(place === signal)),
    );
  }

  #showPosition() {
    if (!this.active || !this.row) return;
    const { position, duration } = this.#deck;
    const share = duration ? position / duration : 0;
    this.row.style.setProperty("--position", share);
    this.#position.value = share;
    this.#clock.textContent = `${position.toFixed(1)} s`;
  }
}

function showPlayButton(button, playing) {
  button.textContent = playing ? "❚❚" : "▶";
  button.setAttribute("aria-label", playing ? "Pause" : "Play");
}
