"""The score of a synthetic song: what is played when, by four parts that share tempo, key and
chords.

Times and durations are in beats, pitches in MIDI numbers (69 is 440 Hz).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BEATS_PER_BAR = 4

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)

# Chord roots as degrees of the scale, one chord a bar.
PROGRESSIONS = ((0, 4, 5, 3), (0, 3, 4, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 2, 3, 4), (0, 5, 1, 4))

VOWELS = ("a", "e", "i", "o", "u")
CONSONANTS = ("s", "sh", "t", "")


class Note(NamedTuple):
    """A pitch from `beat` on for `beats`, its velocity in [0, 1]."""

    beat: float
    beats: float
    pitch: int
    velocity: float


class Hit(NamedTuple):
    """A stroke on a drum at `beat`, its velocity in [0, 1]."""

    beat: float
    drum: str
    velocity: float


class Syllable(NamedTuple):
    """A sung note: a consonant just before `beat` ("" for none), then the vowel."""

    note: Note
    vowel: str
    consonant: str


@dataclass(frozen=True)
class Score:
    """A song: tempo in beats a minute and what each part plays; phrases are sung in one breath."""

    tempo: float
    drums: list[Hit]
    bass: list[Note]
    chords: list[list[Note]]
    phrases: list[list[Syllable]]

    @property
    def seconds_per_beat(self) -> float:
        return 60 / self.tempo


def compose(generator: np.random.Generator, seconds: float) -> Score:
    """A score at least as long as asked for, all choices drawn from `generator`."""
    tempo = float(generator.uniform(84, 136))
    bars = int(np.ceil(seconds * tempo / 60 / BEATS_PER_BAR))
    harmony = _Harmony(generator)
    return Score(
        tempo,
        _drums(generator, bars),
        _bass(generator, bars, harmony),
        _chords(generator, bars, harmony),
        _melody(generator, bars, harmony),
    )


class _Harmony:
    """The key and the chord of each bar."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.tonic = int(generator.integers(12))
        self.scale = MAJOR if generator.random() < 0.5 else MINOR
        self.progression = PROGRESSIONS[generator.integers(len(PROGRESSIONS))]

    def pitch(self, degree: int, octave_pitch: int) -> int:
        """The MIDI pitch of a degree of the scale, counted from the tonic above octave_pitch."""
        octave, step = divmod(degree, len(self.scale))
        return octave_pitch + self.tonic + self.scale[step] + 12 * octave

    def root(self, bar: int) -> int:
        """The degree of the chord's root in a bar."""
        return self.progression[bar % len(self.progression)]


def _drums(generator: np.random.Generator, bars: int) -> list[Hit]:
    """Kick on one and three, snare on two and four, hats between, a fill in every fourth bar."""
    step = 0.25
    kicks = {0.0, 2.0} | {s * step for s in range(16) if generator.random() < 0.12}
    hat_step = float(generator.choice([0.5, 0.25, 1.0]))
    hits = []
    for bar in range(bars):
        start = bar * BEATS_PER_BAR
        hits += [Hit(start + beat, "kick", generator.uniform(0.8, 1)) for beat in sorted(kicks)]
        hits += [Hit(start + beat, "snare", generator.uniform(0.7, 1)) for beat in (1.0, 3.0)]
        for beat in np.arange(0, BEATS_PER_BAR, hat_step):
            drum = "open hat" if generator.random() < 0.08 else "hat"
            hits.append(Hit(start + float(beat), drum, generator.uniform(0.4, 0.9)))
        if bar % 4 == 3:
            hits += [Hit(start + 3 + s * step, "snare", 0.4 + 0.15 * s) for s in range(1, 4)]
    return hits


def _bass(generator: np.random.Generator, bars: int, harmony: _Harmony) -> list[Note]:
    """The chord's root in a rhythm that each bar repeats, sometimes its fifth or octave."""
    rhythms = ((2.0, 2.0), (1.0, 1.0, 1.0, 1.0), (1.5, 0.5, 1.0, 1.0), (0.5,) * 8, (1.5, 1.5, 1.0))
    rhythm = rhythms[generator.integers(len(rhythms))]
    onsets = np.concatenate([[0], np.cumsum(rhythm)[:-1]])
    notes = []
    for bar in range(bars):
        for onset, beats in zip(onsets, rhythm, strict=True):
            leap = int(generator.choice([0, 0, 0, 4, 7])) if onset else 0
            pitch = harmony.pitch(harmony.root(bar) + leap, 24)
            velocity = generator.uniform(0.75, 1)
            notes.append(
                Note(
                    bar * BEATS_PER_BAR + float(onset), 0.9 * beats, _fold(pitch, 28, 51), velocity
                )
            )
    return notes


def _chords(generator: np.random.Generator, bars: int, harmony: _Harmony) -> list[list[Note]]:
    """The bar's triad, held or struck, always in the same rhythm."""
    strokes = ((0.0,), (0.0, 2.0), (0.0, 1.5, 3.0), (0.0, 1.0, 2.0, 3.0))[generator.integers(4)]
    lengths = np.diff([*strokes, BEATS_PER_BAR])
    chords = []
    for bar in range(bars):
        degrees = [harmony.root(bar) + third for third in (0, 2, 4)]
        pitches = sorted(_fold(harmony.pitch(degree, 48), 52, 70) for degree in degrees)
        for onset, beats in zip(strokes, lengths, strict=True):
            beat = bar * BEATS_PER_BAR + onset
            chords.append([Note(beat, float(beats), pitch, 1.0) for pitch in pitches])
    return chords


def _melody(generator: np.random.Generator, bars: int, harmony: _Harmony) -> list[list[Syllable]]:
    """A walk on the scale in phrases of about two bars, with a rest to breathe after each."""
    phrases, degree = [], int(generator.integers(5))
    for first_bar in range(0, bars, 2):
        end = 2 * BEATS_PER_BAR - float(generator.choice([1.0, 1.5, 2.0, 3.0]))
        beat, phrase = 0.0, []
        while beat < end:
            beats = min(float(generator.choice([0.5, 0.5, 1.0, 1.0, 1.5, 2.0])), end - beat)
            degree = int(np.clip(degree + generator.choice([-2, -1, -1, 0, 1, 1, 2]), -2, 8))
            bar = first_bar + int(beat // BEATS_PER_BAR)
            if beat % BEATS_PER_BAR == 0:
                degree = harmony.root(bar) % 7 + int(generator.choice([0, 2]))
            pitch = _fold(harmony.pitch(degree, 60), 57, 77)
            start = first_bar * BEATS_PER_BAR + beat
            note = Note(start, beats, pitch, generator.uniform(0.7, 1))
            phrase.append(
                Syllable(note, str(generator.choice(VOWELS)), str(generator.choice(CONSONANTS)))
            )
            beat += beats
        phrases.append(phrase)
    return phrases


def _fold(pitch: int, lowest: int, highest: int) -> int:
    """The pitch moved by octaves into a range of at least an octave."""
    while pitch < lowest:
        pitch += 12
    while pitch > highest:
        pitch -= 12
    return pitch
