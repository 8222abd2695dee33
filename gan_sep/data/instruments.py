"""The four instruments of synthetic songs: a score -> one stem each, at any sample rate.

Tones are read from tables of one period, which hold the harmonics below the Nyquist frequency;
noise is white noise shaped in frequency, made once a song. Everything is float32 and vectorised
over samples.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gan_sep.data.score import Hit, Note, Score, Syllable

Signal = np.ndarray  # float32

TABLE_SAMPLES = 4096
NOISE_SECONDS = 1.0

# Band edges in Hz of the noises.
NOISE_BANDS = {
    "snare": (1200.0, 8000.0),
    "hat": (6500.0, 16000.0),
    "open hat": (5500.0, 15000.0),
    "s": (4500.0, 9000.0),
    "sh": (2200.0, 5000.0),
    "t": (2500.0, 7500.0),
}

# Frequencies in Hz of each vowel's first three formants, sung (after Peterson and Barney, 1952).
FORMANTS = {
    "a": (800.0, 1150.0, 2900.0),
    "e": (450.0, 1900.0, 2600.0),
    "i": (300.0, 2200.0, 3000.0),
    "o": (480.0, 850.0, 2700.0),
    "u": (330.0, 700.0, 2500.0),
}
FORMANT_GAINS = (1.0, 0.6, 0.3)
FORMANT_BANDWIDTHS = (110.0, 140.0, 220.0)

VIBRATO_HZ = 5.6
VIBRATO_SEMITONES = 0.35
PORTAMENTO_SECONDS = 0.05
SYLLABLE_FADE_SECONDS = 0.02


class Stage:
    """Where one stem of a song sounds: a signal (C, T) on which tones are placed and panned."""

    def __init__(
        self, generator: np.random.Generator, sample_rate: int, channels: int, seconds: float
    ) -> None:
        self.sample_rate = sample_rate
        self.signal = np.zeros((channels, round(seconds * sample_rate)), np.float32)
        self._generator = generator
        self._noises: dict[str, Signal] = {}

    def place(self, seconds: float, tone: Signal, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add a tone (T,) from `seconds` on, cut at the ends; pan -1 is left, 1 right, of equal
        power.

        In mono both sides are averaged, as a stereo signal would be.
        """
        start = round(seconds * self.sample_rate)
        tone = tone[max(0, -start) :]
        start = max(0, start)
        tone = tone[: max(0, self.signal.shape[1] - start)]
        angle = (pan + 1) * np.pi / 4
        sides = np.float32(gain) * np.array([np.cos(angle), np.sin(angle)], np.float32)
        gains = sides if len(self.signal) == 2 else sides.mean(keepdims=True)
        for channel, side in zip(self.signal, gains, strict=True):
            channel[start : start + len(tone)] += side * tone

    def seconds(self, num_samples: int) -> Signal:
        """The time of each sample, (T,)."""
        return np.arange(num_samples, dtype=np.float32) / np.float32(self.sample_rate)

    def noise(self, name: str, seconds: float) -> Signal:
        """A random piece (T,) of the named noise, of RMS 1 over all of it."""
        if name not in self._noises:
            self._noises[name] = self._band_noise(*NOISE_BANDS[name])
        noise = self._noises[name]
        num_samples = min(round(seconds * self.sample_rate), len(noise))
        start = int(self._generator.integers(len(noise) - num_samples + 1))
        return noise[start : start + num_samples]

    def _band_noise(self, low: float, high: float) -> Signal:
        num_samples = round(NOISE_SECONDS * self.sample_rate)
        white = self._generator.standard_normal(num_samples, dtype=np.float32)
        frequencies = np.fft.rfftfreq(num_samples, 1 / self.sample_rate)  # (F,)
        # Skirts of about an octave, not a brick wall.
        shape = 1 / (1 + (low / np.maximum(frequencies, 1)) ** 6 + (frequencies / high) ** 6)
        band = np.fft.irfft(np.fft.rfft(white) * shape, num_samples).astype(np.float32)
        level = np.sqrt(np.mean(band**2))
        return band / level

    def harmonics(self, frequency: float, most: int) -> np.ndarray:
        """The numbers of the harmonics that sound below the Nyquist frequency, from 1 to `most`."""
        count = int(np.clip(0.45 * self.sample_rate / frequency, 1, most))
        return np.arange(1, count + 1)


def frequency_of(pitch: float) -> float:
    """Hz of a MIDI pitch."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def period(amplitudes: np.ndarray) -> Signal:
    """One period (TABLE_SAMPLES,) of the harmonics of these amplitudes, in sine phase."""
    spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, np.complex64)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * TABLE_SAMPLES * amplitudes
    return np.fft.irfft(spectrum, TABLE_SAMPLES).astype(np.float32)


def play(table: Signal, cycles: np.ndarray) -> Signal:
    """A table read at these phases, in cycles."""
    return table[(cycles * TABLE_SAMPLES).astype(np.int64) & (TABLE_SAMPLES - 1)]


def fade(num_samples: int, fade_in: int, fade_out: int) -> Signal:
    """An envelope (T,) of ones with linear ends, overlapping where the tone is short."""
    ramp = np.arange(1, num_samples + 1, dtype=np.float32)
    rise = np.minimum(ramp / max(fade_in, 1), 1)
    fall = np.minimum(ramp[::-1] / max(fade_out, 1), 1)
    return np.minimum(rise, fall)


def drums(stage: Stage, score: Score) -> None:
    """Kick: a falling sine; snare: noise and a body tone; hats: high noise; all decay."""
    bodies = {"kick": (1.0, 0.0), "snare": (0.6, -0.1), "hat": (0.22, 0.4), "open hat": (0.2, 0.4)}
    for hit in score.drums:
        gain, pan = bodies[hit.drum]
        sound = _drum_sound(stage, hit)
        stage.place(hit.beat * score.seconds_per_beat, sound, gain * hit.velocity, pan)


def _drum_sound(stage: Stage, hit: Hit) -> Signal:
    if hit.drum == "kick":
        return _kick(stage.sample_rate)
    decay = {"snare": 0.07, "hat": 0.025, "open hat": 0.12}[hit.drum]
    noise = stage.noise(hit.drum, 4 * decay)
    sound = noise * _decay(stage.sample_rate, len(noise), decay)
    return sound + _snare_body(stage.sample_rate, len(sound)) if hit.drum == "snare" else sound


@lru_cache(maxsize=32)
def _decay(sample_rate: int, num_samples: int, decay: float) -> Signal:
    return np.exp(-np.arange(num_samples) / (decay * sample_rate)).astype(np.float32)


@lru_cache(maxsize=8)
def _kick(sample_rate: int) -> Signal:
    time = np.arange(round(0.35 * sample_rate)) / sample_rate
    cycles = 48 * time + 110 * 0.03 * (1 - np.exp(-time / 0.03))  # from 158 down to 48 Hz
    return (2 * np.sin(2 * np.pi * cycles) * np.exp(-time / 0.09)).astype(np.float32)


@lru_cache(maxsize=8)
def _snare_body(sample_rate: int, num_samples: int) -> Signal:
    time = np.arange(num_samples) / sample_rate
    return (1.2 * np.sin(2 * np.pi * 185 * time) * np.exp(-time / 0.05)).astype(np.float32)


def bass(stage: Stage, score: Score) -> None:
    """A plucked string: few harmonics, decaying slowly, in the middle."""
    tones: dict[tuple[int, float], Signal] = {}
    for note in score.bass:
        key = (note.pitch, note.beats)
        if key not in tones:
            tones[key] = _bass_tone(stage, note.pitch, note.beats * score.seconds_per_beat)
        stage.place(note.beat * score.seconds_per_beat, tones[key], note.velocity)


def _bass_tone(stage: Stage, pitch: int, seconds: float) -> Signal:
    numbers = stage.harmonics(frequency_of(pitch), 8)
    table = period(np.exp(-0.55 * (numbers - 1)))
    time = stage.seconds(round(seconds * stage.sample_rate))
    tone = play(table, frequency_of(pitch) * time)
    attack, release = round(0.006 * stage.sample_rate), round(0.03 * stage.sample_rate)
    return tone * np.exp(-time / np.float32(0.9)) * fade(len(tone), attack, release)


def other(stage: Stage, score: Score, brightness: float) -> None:
    """Chords of slightly detuned strings, a pair for each note, one on either side.

    brightness in [0, 1] is how slowly the harmonics fall.
    """
    tones: dict[tuple[int, float], tuple[Signal, Signal]] = {}
    for chord in score.chords:
        for note in chord:
            key = (note.pitch, note.beats)
            if key not in tones:
                seconds = note.beats * score.seconds_per_beat
                tones[key] = _string_pair(stage, note.pitch, seconds, brightness)
            for tone, pan in zip(tones[key], (-0.7, 0.7), strict=True):
                stage.place(note.beat * score.seconds_per_beat, tone, note.velocity, pan)


def _string_pair(
    stage: Stage, pitch: int, seconds: float, brightness: float
) -> tuple[Signal, Signal]:
    frequency = frequency_of(pitch)
    numbers = stage.harmonics(frequency, 24)
    table = period(numbers ** -(2.0 - brightness))
    time = stage.seconds(round(seconds * stage.sample_rate))
    attack, release = round(0.03 * stage.sample_rate), round(0.08 * stage.sample_rate)
    envelope = fade(len(time), attack, release) * np.exp(-time / np.float32(2.5))
    left, right = (play(table, frequency * detune * time) for detune in (0.9985, 1.0015))
    return left * envelope, right * envelope


def vocals(stage: Stage, score: Score) -> None:
    """A voice in the middle: vowels with vibrato, gliding between notes, and consonant noise."""
    for phrase in score.phrases:
        _sing(stage, phrase, score.seconds_per_beat)


def _sing(stage: Stage, phrase: Sequence[Syllable], seconds_per_beat: float) -> None:
    """One phrase: the phase runs through it, and each syllable is a table of its vowel."""
    start = phrase[0].note.beat * seconds_per_beat
    onsets = [s.note.beat * seconds_per_beat - start for s in phrase]
    ends = [*onsets[1:], onsets[-1] + phrase[-1].note.beats * seconds_per_beat]
    margin = round(SYLLABLE_FADE_SECONDS * stage.sample_rate)
    cycles = _sung_cycles(stage, [s.note.pitch for s in phrase], onsets, ends[-1], margin)
    for syllable, onset, end in zip(phrase, onsets, ends, strict=True):
        first, last = round(onset * stage.sample_rate), round(end * stage.sample_rate) + margin
        tone = play(_vowel(stage, syllable.note, syllable.vowel), cycles[first:last])
        tone *= fade(len(tone), margin, margin)
        stage.place(start + onset, tone, syllable.note.velocity)
        if syllable.consonant:
            sound = _consonant(stage, syllable.consonant)
            stage.place(start + onset - len(sound) / stage.sample_rate, sound, 0.12)


def _sung_cycles(
    stage: Stage, pitches: Sequence[int], onsets: Sequence[float], seconds: float, margin: int
) -> np.ndarray:
    """The phase in cycles (T,) of a voice that glides from note to note and sways around them."""
    time = np.arange(round(seconds * stage.sample_rate) + margin) / stage.sample_rate
    glide_times = [t for onset in onsets for t in (onset, onset + PORTAMENTO_SECONDS)]
    glide_pitches = [p for pair in zip([pitches[0], *pitches], pitches, strict=False) for p in pair]
    pitch = np.interp(time, glide_times, glide_pitches)
    depth = VIBRATO_SEMITONES * np.minimum(time / 0.4, 1)
    pitch += depth * np.sin(2 * np.pi * VIBRATO_HZ * time)
    frequency = 440 * np.exp2((pitch - 69) / 12)
    return np.cumsum(frequency) / stage.sample_rate


def _vowel(stage: Stage, note: Note, vowel: str) -> Signal:
    """The period of a sung note: a falling source spectrum through the vowel's formants."""
    frequency = frequency_of(note.pitch)
    numbers = stage.harmonics(1.06 * frequency, 40)  # vibrato and glides rise above the note
    response = np.full(len(numbers), 0.03)
    for centre, gain, width in zip(FORMANTS[vowel], FORMANT_GAINS, FORMANT_BANDWIDTHS, strict=True):
        response += gain / (1 + ((numbers * frequency - centre) / width) ** 2)
    return period(response * numbers**-0.5)


def _consonant(stage: Stage, name: str) -> Signal:
    seconds = 0.03 if name == "t" else 0.09
    noise = stage.noise(name, seconds)
    return noise * fade(len(noise), len(noise) // 4, len(noise) // 2)
