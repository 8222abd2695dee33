"""The exact fast SDR against museval: the same numbers, how much sooner."""

import torch

from benchmarks.table import Table
from benchmarks.timing import interleave
from gan_sep.audio import AudioFormat
from gan_sep.evaluation.metrics import sdr
from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval


def sdr_speed(audio: AudioFormat, seconds: int, rounds: int) -> Table:
    """Both on a track of noise, and the largest difference in dB."""
    shape = (len(audio.sources), audio.channels, audio.samples(seconds))
    generator = torch.Generator().manual_seed(0)
    references = 0.1 * torch.randn(shape, generator=generator)  # (S, C, T)
    estimates = references + 0.03 * torch.randn(shape, generator=generator)  # (S, C, T)
    rate = audio.sample_rate
    found: dict[str, torch.Tensor] = {}

    def fast() -> None:
        found["sdr"] = sdr(references, estimates, rate)  # (S, N)

    def slow() -> None:
        found["museval"] = museval_bss_eval(references, estimates, rate)["sdr"]  # (S, N)

    try:
        timings = interleave({"sdr": fast, "museval": slow}, rounds, torch.device("cpu"))
    except ImportError as missing:
        return Table("Exact fast SDR", [], f"Not compared with museval: {missing}")
    row: dict[str, str | float] = {
        "track": f"{seconds} s, {rate / 1000:g} kHz, {shape[1]} channels, {shape[0]} sources",
        "sdr, s": timings.median("sdr"),
        "museval, s": timings.median("museval"),
        "museval / sdr": timings.ratio("museval", "sdr"),
        "largest difference, dB": float((found["sdr"] - found["museval"]).abs().max()),
    }
    return Table("Exact fast SDR", [row], "One process, the whole track, windows of one second.")
