"""The native BSSEval against museval: the same numbers, how much sooner, in how much memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.table import Table
from benchmarks.timing import Work, interleave, peak_memory
from gan_sep.audio import AudioFormat
from gan_sep.evaluation.metrics import bss_eval, bss_eval_v3
from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval, museval_bss_eval_v3

CPU = torch.device("cpu")
REMARK = (
    "Whole tracks of noise with leaky estimates. Where the highest quarter of frequencies is "
    "empty, as after lossy coding, museval's operations are repeated to the bit, which takes "
    "longer. Memory is the peak above an idle process, one process each; museval's counts its "
    "imports."
)


@dataclass(frozen=True)
class Clip:
    """Sources and estimates of noise, scored by a version of BSSEval: v4 or v3."""

    audio: AudioFormat
    seconds: int
    version: str = "v4"
    lossy: bool = False

    def __str__(self) -> str:
        band = "highest quarter empty" if self.lossy else "all frequencies"
        return (
            f"{self.version}, {self.seconds} s, {self.audio.sample_rate / 1000:g} kHz, "
            f"{self.audio.channels} channels, {len(self.audio.sources)} sources, {band}"
        )

    def signals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """References and estimates (S, C, T)."""
        shape = (len(self.audio.sources), self.audio.channels, self.audio.samples(self.seconds))
        generator = torch.Generator().manual_seed(0)
        references = 0.1 * torch.randn(shape, generator=generator)
        if self.lossy:
            spectra = torch.fft.rfft(references)  # (S, C, F)
            spectra[..., spectra.shape[-1] * 3 // 4 :] = 0
            references = torch.fft.irfft(spectra, shape[-1])
        noise = 0.03 * torch.randn(shape, generator=generator)
        return references, references + 0.1 * references.sum(0) + noise


def bss_eval_speed(clips: Sequence[Clip], rounds: int) -> Table:
    """Both on each clip: seconds, peak memory, and the largest difference in dB."""
    try:
        rows = [_compare(clip, rounds) for clip in clips]
    except ImportError as missing:
        return Table("BSSEval", [], f"Not compared with museval: {missing}")
    return Table("BSSEval", rows, REMARK)


def scorer(clip: Clip, museval: bool) -> Callable[[], Mapping[str, torch.Tensor]]:
    """What scores the clip, natively or by museval."""
    signals = clip.signals()
    if clip.version == "v3":
        return partial(museval_bss_eval_v3 if museval else bss_eval_v3, *signals)
    return partial(museval_bss_eval if museval else bss_eval, *signals, clip.audio.sample_rate)


def _compare(clip: Clip, rounds: int) -> dict[str, str | float]:
    builders: dict[str, Callable[[], Work]] = {
        "gan_sep": partial(scorer, clip, museval=False),
        "museval": partial(scorer, clip, museval=True),
    }
    memory = {name: peak_memory(build, CPU) for name, build in builders.items()}
    found: dict[str, Mapping[str, torch.Tensor]] = {}
    ready = {name: scorer(clip, museval=name == "museval") for name in builders}

    def keep(name: str) -> None:
        found[name] = ready[name]()

    timings = interleave({name: partial(keep, name) for name in ready}, rounds, CPU)
    ours, theirs = (torch.stack(list(found[name].values())) for name in ready)
    row: dict[str, str | float] = {"clip": str(clip)}
    row |= {f"{name}, s": timings.median(name) for name in ready}
    row["museval / gan_sep"] = timings.ratio("museval", "gan_sep")
    row |= {f"{name}, MiB": memory[name] for name in ready}
    return row | {"largest difference, dB": float((ours - theirs).abs().max())}
