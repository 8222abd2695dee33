"""The stem tagger's training: which of the stems sound in a sum of some of them?"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import resample

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.features.layers.music_tagging import MusicTagging
from gan_sep.features.tagger import Config
from gan_sep.training.silence import audible

SECONDS = 3.0
SILENCE_DB = -60.0
_BATCH = 8
_LEVELS_DB = (-12.0, 0.0)  # of each stem, drawn evenly: its level shall not tell it
_ROUNDS = 8  # random subsets of every validation song


def train(
    config: Config, tracks: Sequence[Track], audio: AudioFormat, steps: int, seed: int = 0
) -> MusicTagging:
    """A tagger of `config`'s size, trained with Adam on excerpts of 3 s of the tracks.

    Raises ValueError without tracks or steps.
    """
    if not tracks or steps < 1:
        raise ValueError(
            f"tagger: expected tracks and at least 1 step, got {len(tracks)} and {steps}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MusicTagging(config.channels, config.stems)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        places = torch.randint(len(tracks), (_BATCH,), generator=generator).tolist()
        excerpts = torch.stack([_excerpt(tracks[p], audio, generator) for p in places])
        signals, sounding = subsets(excerpts, generator)
        logits = network.logits(_at_its_rate(signals, audio))
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(logits, sounding.float()).backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def accuracy(network: MusicTagging, tracks: Sequence[Track], audio: AudioFormat) -> list[float]:
    """The share of right answers by stem, on random subsets of excerpts of the tracks."""
    generator = torch.Generator().manual_seed(0)
    right = []
    for track in list(tracks) * _ROUNDS:
        signals, sounding = subsets(_excerpt(track, audio, generator)[None], generator)
        right.append((network.logits(_at_its_rate(signals, audio)) > 0) == sounding)
    shares: list[float] = torch.cat(right).float().mean(0).tolist()
    return shares


def subsets(excerpts: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B, S, T) -> sums of random subsets at random levels (B, T), and which sound in them (B, S).

    A stem that is silent in the excerpt does not sound.
    """
    chosen = torch.rand(excerpts.shape[:2], generator=generator) < 0.5
    low, high = _LEVELS_DB
    levels = low + (high - low) * torch.rand(excerpts.shape[:2], generator=generator)
    gains = chosen * 10 ** (levels / 20)  # (B, S)
    sounding = chosen & audible(excerpts.unsqueeze(2), SILENCE_DB)
    return (gains.unsqueeze(2) * excerpts).sum(1), sounding


def _excerpt(track: Track, audio: AudioFormat, generator: torch.Generator) -> Tensor:
    """3 s from a random place, channels averaged; shorter tracks are followed by silence."""
    length = audio.samples(SECONDS)
    last = max(0, track.num_samples - length)
    start = int(torch.randint(last + 1, (), generator=generator))
    excerpt = track.read(start, min(length, track.num_samples)).mean(1)  # (S, T)
    return F.pad(excerpt, (0, length - excerpt.shape[-1]))


def _at_its_rate(signals: Tensor, audio: AudioFormat) -> Tensor:
    return resample(signals, audio.sample_rate, MusicTagging.sample_rate)
