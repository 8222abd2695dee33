"""What the page shows and plays of an excerpt: every source as reference and as each arm made it.

    excerpts/spectrogram-0-mixture.webp, spectrogram-0-1-2.webp   excerpt, source, signal
    excerpts/sound-0.js                                           all sounds of an excerpt

Files are numbered, not named: the blind test must not be given away by a name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gan_sep.evaluation.excerpts import Excerpt, read_excerpts
from gan_sep.reporting.page.sounds import Sound, equally_loud, sound_script
from gan_sep.reporting.page.spectrograms import mel_decibels, spectrogram_image
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_name
from gan_sep.runs import write_bytes, write_text
from gan_sep.statistics.pairing import MIXTURE

FOLDER = "excerpts"
REFERENCE = "reference"


@dataclass(frozen=True)
class Signal:
    """One tile: its picture and, unless the page is without sounds, its sound.

    arm: mixture, reference, or an arm. sound: its name in the excerpt's script, the mixture's the
    same for all sources. gain, boost_db: as of `Sound`, None without sounds.
    """

    arm: str
    sound: str
    image: str
    gain: float | None
    boost_db: float | None

    @property
    def name(self) -> str:
        return arm_name(self.arm)


@dataclass(frozen=True)
class PageExcerpt:
    """An excerpt of the page; trials: source -> mixture, reference, arms."""

    track: str
    start_seconds: float
    seconds: float
    highest_hz: float
    script: str | None
    trials: Mapping[str, Sequence[Signal]]

    def as_data(self, seed: int) -> dict[str, Any]:
        """What the page's script needs of it."""
        trials = [
            {
                "source": source,
                "signals": [
                    {"arm": s.arm, "name": s.name, "seed": seed, "sound": s.sound, "gain": s.gain}
                    for s in signals
                ],
            }
            for source, signals in self.trials.items()
        ]
        return {"track": self.track, "script": self.script, "trials": trials}


SharedExcerpt = Mapping[str, Excerpt]
"""The same stretch of a track as every arm separated it, by arm; of one at least."""


def shared_excerpts(runs: Sequence[ArmRun]) -> tuple[list[SharedExcerpt], list[str]]:
    """The excerpts that all arms of one seed kept, by track, and a sentence per arm that lacks one.

    Raises ValueError where an excerpt's description is damaged.
    """
    stretches = {
        run.arm: {
            (kept.track, kept.start, kept.sample_rate, kept.sources): kept
            for kept in read_excerpts(run.excerpts())
        }
        for run in runs
    }
    everywhere = dict.fromkeys(key for found in stretches.values() for key in found)
    remarks = [
        f"{arm_name(arm)} kept no excerpt of {', '.join(lacking)} as other arms did: left out here "
        "until all arms are evaluated with the same evaluation.excerpts."
        for arm, found in stretches.items()
        if (lacking := [key[0] for key in everywhere if key not in found])
    ]
    shared: list[SharedExcerpt] = [
        {arm: found[key] for arm, found in stretches.items()}
        for key in everywhere
        if all(key in found for found in stretches.values())
    ]
    return shared, remarks


def write_page_excerpts(
    excerpts: Sequence[SharedExcerpt], folder: Path, audio: bool
) -> list[PageExcerpt]:
    """Writes images and, with audio, sounds to folder/excerpts, and removes all else there."""
    pages = [_write_one(place, excerpt, folder, audio) for place, excerpt in enumerate(excerpts)]
    wanted = {name for page in pages for name in _files(page)}
    for path in sorted((folder / FOLDER).glob("*")):
        if f"{FOLDER}/{path.name}" not in wanted:
            path.unlink()
    return pages


def _write_one(place: int, excerpt: SharedExcerpt, folder: Path, audio: bool) -> PageExcerpt:
    first = next(iter(excerpt.values()))
    mixture = first.mixture()  # (C, T)
    by_source = {
        source: {
            REFERENCE: first.reference(source),
            **{arm: each.estimate(source) for arm, each in excerpt.items()},
        }
        for source in first.sources
    }
    images = _write_images(place, mixture, by_source, first.sample_rate, folder)
    sounds: Mapping[str, Sound] = {}
    script = None
    if audio:
        named = {MIXTURE: mixture, **{n: s for n, _, s in _numbered(by_source)}}
        sounds = equally_loud(named, first.sample_rate)
        script = f"{FOLDER}/sound-{place}.js"
        write_text(folder / script, sound_script(script, sounds))
    trials: dict[str, list[Signal]] = {
        source: [_signal(MIXTURE, MIXTURE, images, sounds)] for source in by_source
    }
    for name, (source, arm), _ in _numbered(by_source):
        trials[source].append(_signal(arm, name, images, sounds))
    rate = first.sample_rate
    return PageExcerpt(
        first.track, first.start / rate, mixture.shape[-1] / rate, rate / 2, script, trials
    )


def _numbered(
    by_source: Mapping[str, Mapping[str, Tensor]],
) -> Iterator[tuple[str, tuple[str, str], Tensor]]:
    """The signals of an excerpt with the numbers they go by: "1-2", (source, arm), (C, T)."""
    for number, (source, signals) in enumerate(by_source.items()):
        for place, (arm, signal) in enumerate(signals.items()):
            yield f"{number}-{place}", (source, arm), signal


def _write_images(
    place: int,
    mixture: Tensor,
    by_source: Mapping[str, Mapping[str, Tensor]],
    sample_rate: int,
    folder: Path,
) -> dict[str, str]:
    """Signal's number -> image; full scale is the mixture's or, for estimates, the reference's."""
    images = {}
    loudest = 0.0
    for name, (_, arm), signal in [(MIXTURE, ("", MIXTURE), mixture), *_numbered(by_source)]:
        decibels = mel_decibels(signal, sample_rate)
        if arm in (MIXTURE, REFERENCE):
            loudest = float(decibels.max())
        images[name] = f"{FOLDER}/spectrogram-{place}-{name}.webp"
        write_bytes(folder / images[name], spectrogram_image(decibels, loudest))
    return images


def _signal(arm: str, name: str, images: Mapping[str, str], sounds: Mapping[str, Sound]) -> Signal:
    sound = sounds.get(name)
    played = (round(sound.gain, 6), sound.boost_db) if sound else (None, None)
    return Signal(arm, name, images[name], *played)


def _files(page: PageExcerpt) -> Iterator[str | None]:
    """The files of an excerpt, relative to the page; None without sounds."""
    yield page.script
    for signals in page.trials.values():
        yield from (signal.image for signal in signals)
