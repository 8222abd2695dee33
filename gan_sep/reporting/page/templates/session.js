// One listener's session: trials and letters in an order drawn for it, and the ratings given so far.
// Every change is stored, so that a reload loses nothing.

const FORMAT = 1;

function shuffled(count) {
  const order = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

class Session {
  #key;

  // stored is what `draw` made: {listener, started, finished, place, trials}.
  constructor(data, stored) {
    this.#key = Session.#keyOf(data);
    this.stored = stored;
  }

  static #keyOf({ study, id }) {
    return `gan_sep listening ${study} ${id}`;
  }

  // The session that this browser keeps, or null. Private windows may refuse to keep any.
  static kept(data) {
    try {
      const text = localStorage.getItem(Session.#keyOf(data));
      return text ? new Session(data, JSON.parse(text)) : null;
    } catch {
      return null;
    }
  }

  static draw(data, listener) {
    const all = data.excerpts.flatMap(({ trials }, excerpt) =>
      trials.map(({ signals }, trial) => ({
        excerpt,
        trial,
        letters: shuffled(signals.length), // the signal behind each letter
        ratings: signals.map(() => null), // of each letter
      })),
    );
    const trials = shuffled(all.length).map((place) => all[place]);
    const started = new Date().toISOString();
    return new Session(data, { listener, started, finished: null, place: 0, trials });
  }

  get trial() {
    return this.stored.trials[this.stored.place];
  }

  get isLast() {
    return this.stored.place === this.stored.trials.length - 1;
  }

  get numberRated() {
    return this.stored.trials.filter(({ ratings }) => !ratings.includes(null)).length;
  }

  rate(letter, rating) {
    this.trial.ratings[letter] = rating;
    this.keep();
  }

  goTo(place) {
    this.stored.place = place;
    this.keep();
  }

  finish() {
    this.stored.finished = new Date().toISOString();
    this.keep();
  }

  // Whether the browser kept it.
  keep() {
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.stored));
      return true;
    } catch {
      return false;
    }
  }

  result({ study, excerpts }) {
    const { listener, started, finished, trials } = this.stored;
    const ratings = trials.flatMap(({ excerpt, trial, letters, ratings }) => {
      const { track } = excerpts[excerpt];
      const { source, signals } = excerpts[excerpt].trials[trial];
      return letters.map((signal, letter) => {
        const { arm, seed } = signals[signal];
        return { track, source, arm, seed, rating: ratings[letter] };
      });
    });
    return { format: FORMAT, study, listener, started, finished, ratings };
  }
}
