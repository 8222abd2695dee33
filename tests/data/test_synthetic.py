"""Synthetic songs: seeded, disjoint splits, levels, tempo and key in common, any format."""

import numpy as np
import pytest
import torch

from gan_sep.audio import AudioFormat, with_channels
from gan_sep.data import instruments, synthetic
from gan_sep.data.base import SPLITS
from gan_sep.data.score import BEATS_PER_BAR, compose
from gan_sep.data.synthetic import Config, Counts, Song
from gan_sep.random import draw

AUDIO = AudioFormat(sample_rate=16000, channels=1)
FEW = Config(tracks=Counts(train=3, valid=2, test=2), seconds=5.0)


def song(audio: AudioFormat = AUDIO, number: int = 0, seconds: float = 5.0) -> torch.Tensor:
    return Song("train", number, seconds, 0, audio).read()


def test_the_same_seed_makes_the_same_bits_and_another_seed_another_song() -> None:
    first, again = (FEW.build(AUDIO, "train")[1].read() for _ in range(2))
    assert torch.equal(first, again)
    other = Config(tracks=FEW.tracks, seconds=5.0, seed=1).build(AUDIO, "train")[1].read()
    assert not torch.equal(first, other)


def test_no_song_is_in_two_splits() -> None:
    tracks = [track for split in SPLITS for track in FEW.build(AUDIO, split)]
    assert len({track.name for track in tracks}) == len(tracks) == 7
    assert len({track.read().numpy().tobytes() for track in tracks}) == 7


def test_a_piece_is_a_slice_of_the_song_with_or_without_memory() -> None:
    kept = FEW.build(AUDIO, "test")[0]
    made = Config(tracks=FEW.tracks, seconds=5.0, memory_gb=0).build(AUDIO, "test")[0]
    assert torch.equal(kept.read(7000, 100), kept.read()[..., 7000:7100])
    assert torch.equal(made.read(7000, 100), kept.read(7000, 100))
    with pytest.raises(ValueError, match="expected a piece within its 80000 samples"):
        made.read(79_999, 2)


def test_stems_are_about_equally_loud_and_the_mixture_stays_below_full_scale() -> None:
    for number in range(4):
        sources = song(number=number)
        levels = 20 * sources.square().mean((1, 2)).sqrt().log10()
        assert levels.max() - levels.min() < 2 * synthetic.LEVEL_SPREAD_DB + 1e-3
        assert sources.sum(0).abs().max() < synthetic.PEAK + 1e-4


def test_mono_is_the_average_of_stereo() -> None:
    mono = song()
    stereo = with_channels(song(AudioFormat(sample_rate=16000, channels=2)), 1)
    for ours, averaged in zip(mono, stereo, strict=True):
        # equal but for the gain, since each is brought to its level
        correlation = torch.corrcoef(torch.cat([ours, averaged]))[0, 1]
        assert correlation > 0.9999


def test_songs_sound_at_any_rate_and_in_any_order_of_sources() -> None:
    assert song(AudioFormat(sample_rate=44100)).shape == (4, 2, 220500)
    assert song(AudioFormat(sample_rate=1000, channels=1)).isfinite().all()
    reverse = AudioFormat(sample_rate=16000, channels=1, sources=synthetic.SOURCES[::-1])
    assert torch.equal(song(reverse), song().flip(0))


def test_very_short_songs_have_all_four_stems() -> None:
    for number in range(10):
        assert (song(number=number, seconds=1.0).square().sum((1, 2)) > 0).all()


def test_each_stem_has_its_region_of_the_spectrum() -> None:
    sources = song(seconds=20.0)[:, 0]
    power = torch.fft.rfft(sources).abs().square()
    frequencies = torch.fft.rfftfreq(sources.shape[-1], 1 / 16000)
    centroids = (power * frequencies).sum(-1) / power.sum(-1)
    drums, bass, other, vocals = centroids.tolist()
    assert bass < 150 < other < vocals
    assert bass < drums


def test_the_voice_rests_between_phrases() -> None:
    vocals = song(seconds=20.0)[3, 0]
    windows = vocals.unfold(0, 1600, 1600).square().mean(-1).sqrt()  # 0.1 s
    assert 0.05 < (windows == 0).float().mean() < 0.5


def test_bass_chords_and_melody_share_the_key_and_bars() -> None:
    for number in range(20):
        score = compose(np.random.default_rng(number), 30)
        assert score.seconds_per_beat == 60 / score.tempo
        for chord in score.chords:
            bar = chord[0].beat // BEATS_PER_BAR
            roots = [n.pitch % 12 for n in score.bass if n.beat == bar * BEATS_PER_BAR]
            assert {note.pitch % 12 for note in chord} >= set(roots)
        sung = {s.note.pitch % 12 for phrase in score.phrases for s in phrase}
        played = {note.pitch % 12 for chord in score.chords for note in chord}
        assert len(sung | played | {note.pitch % 12 for note in score.bass}) <= 7


def test_a_tone_is_placed_and_panned_with_equal_power() -> None:
    stage = instruments.Stage(draw(0, "test"), 1000, 2, 0.01)
    stage.place(0.008, np.ones(5, np.float32), gain=2.0, pan=-1.0)  # cut at the end
    stage.place(-0.002, np.ones(3, np.float32), pan=0.0)  # cut at the beginning
    assert stage.signal[0].tolist() == pytest.approx([0.5**0.5] + [0] * 7 + [2, 2])
    assert stage.signal[1].tolist() == pytest.approx([0.5**0.5] + [0] * 9, abs=1e-6)


def test_a_table_played_at_a_frequency_is_that_sine() -> None:
    table = instruments.period(np.array([0.0, 1.0]))  # the second harmonic alone
    time = np.arange(1000) / 16000
    expected = np.sin(2 * np.pi * 880 * time)
    np.testing.assert_allclose(instruments.play(table, 440 * time), expected, atol=4e-3)
    assert instruments.frequency_of(69) == 440
    assert instruments.frequency_of(81) == pytest.approx(880)


def test_bad_settings_and_other_sources_are_errors_that_name_the_field() -> None:
    with pytest.raises(ValueError, match="valid: expected at least 1, got 0"):
        Counts(valid=0)
    with pytest.raises(ValueError, match="seconds: expected 1 to 600, got"):
        Config(seconds=0.5)
    with pytest.raises(ValueError, match="seed: expected at least 0"):
        Config(seed=-1)
    with pytest.raises(ValueError, match="memory_gb: expected at least 0"):
        Config(memory_gb=-1)
    with pytest.raises(ValueError, match=r"audio\.sources: data set synthetic has the sources"):
        Config().build(AudioFormat(sources=("voice",)), "train")
