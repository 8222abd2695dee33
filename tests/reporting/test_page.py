"""What the page is made of: sounds, spectrograms, excerpts, axes, and the HTML itself."""

import base64
import io
import json
import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from matplotlib.image import imread
from numpy.testing import assert_allclose
from page_study import (
    ARMS,
    AWKWARD,
    EIGHT_ARMS,
    RATE,
    SOURCES,
    TRACKS,
    write_study_run,
    write_tones,
)

from gan_sep.reporting.page.excerpts import shared_excerpts
from gan_sep.reporting.page.forest import Axis, interval_axis, track_axis, track_dots
from gan_sep.reporting.page.sounds import MOST_LUFS, as_flac, equally_loud, loudness
from gan_sep.reporting.page.spectrograms import mel_decibels, spectrogram_image
from gan_sep.reporting.page.write import verdict_sentences, write_page
from gan_sep.reporting.runs import find_arms
from gan_sep.reporting.study import Study, effects_of

SCRIPT_START = "(window.excerptSounds ??= {})"


def sine(amplitude: float, hertz: float = 997.0, rate: int = 48000) -> torch.Tensor:
    seconds = torch.arange(rate, dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * torch.pi * hertz * seconds)).float()[None]  # (1, T)


def mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study_run(tmp_path_factory.mktemp("runs") / "tones")


@pytest.fixture(scope="module")
def study(run: Path) -> Study:
    return Study.of([run])


@pytest.fixture(scope="module")
def page(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_page(study, folder, audio=True)
    return folder


def sounds_of(script: str) -> dict[str, bytes]:
    content = script.removeprefix(SCRIPT_START).partition(" = ")[2].removesuffix(";\n")
    return {name: base64.b64decode(text) for name, text in json.loads(content).items()}


def test_loudness_is_that_of_the_recommendation() -> None:
    # BS.1770 is calibrated by this: a sine of 997 Hz at full scale in one channel has -3.01 LUFS.
    assert loudness(sine(1.0), 48000) == pytest.approx(-3.01, abs=0.1)
    assert loudness(sine(0.1), 48000) == pytest.approx(-23.01, abs=0.1)
    assert math.isnan(loudness(torch.zeros(1, 48000), 48000))


def test_high_frequencies_at_full_scale_are_weighted_without_clipping() -> None:
    # The weighting's shelf raises 10 kHz by 4 dB.
    assert loudness(sine(1.0, 10000.0), 48000) == pytest.approx(-3.01 - 0.69 + 4.0, abs=0.15)


def test_a_sound_shorter_than_a_block_of_the_recommendation_has_a_loudness() -> None:
    quarter = sine(1.0)[:, :12000]  # of a block of 0.4 s, the rest of which is silent
    expected = -3.01 + 10 * math.log10(0.25 / 0.4)
    assert loudness(quarter, 48000) == pytest.approx(expected, abs=0.1)


def test_sounds_are_equally_loud_whatever_they_were() -> None:
    noise = torch.randn(1, 48000, generator=torch.Generator().manual_seed(0))
    signals = {"quiet": sine(0.001), "beyond full scale": sine(4.0, 300.0), "noise": 0.05 * noise}
    for name, sound in equally_loud(signals, 48000).items():
        played, rate = soundfile.read(io.BytesIO(sound.flac), dtype="float32", always_2d=True)
        heard = torch.from_numpy(played.T * sound.gain)
        assert loudness(heard, rate) == pytest.approx(MOST_LUFS, abs=0.1), name
        assert 0 < sound.gain <= 1
    assert equally_loud(signals, 48000)["quiet"].boost_db == pytest.approx(40.0, abs=0.1)


def test_peaks_are_not_clipped_to_make_sounds_equally_loud() -> None:
    clicks = torch.zeros(1, 48000)
    clicks[:, ::12000] = 0.5
    sounds = equally_loud({"clicks": clicks, "tone": sine(0.5)}, 48000)
    assert sounds["clicks"].gain == 1
    assert sounds["tone"].gain < 10 ** ((MOST_LUFS + 3.01) / 20)


def test_silence_stays_silent() -> None:
    sounds = equally_loud({"silence": torch.zeros(2, 48000), "tone": sine(0.5)}, 48000)
    assert (sounds["silence"].gain, sounds["silence"].boost_db) == (0, 0)
    assert sounds["tone"].gain > 0


def test_flac_keeps_sixteen_bits_and_both_channels() -> None:
    signal = torch.stack([sine(1.0)[0], sine(0.5)[0]])
    samples, rate = soundfile.read(io.BytesIO(as_flac(signal, 48000)))
    assert rate == 48000
    assert_allclose(samples.T, signal.numpy(), atol=2**-14)


def test_a_tone_is_brightest_at_its_own_height() -> None:
    decibels = mel_decibels(sine(0.5, 3000.0, rate=16000), 16000)
    row = (mel(3000) - mel(30)) / (mel(8000) - mel(30)) * 113 - 1
    assert abs(float(decibels[:, 100:200].mean(1).argmax()) - row) < 1
    assert decibels.shape[0] == 112
    assert abs(decibels.shape[1] - 360) < 10


def test_the_image_shows_seventy_decibels_from_black_up_low_frequencies_below() -> None:
    decibels = np.full((112, 360), -70.0, dtype=np.float32)
    decibels[:56] = 0.0
    image = imread(io.BytesIO(spectrogram_image(decibels, 0.0)), format="webp")[..., :3]
    assert image.shape[:2] == (112, 360)
    assert image[80:].mean() > 200  # magma ends in pale yellow
    assert image[:30].mean() < 10


def test_the_axis_holds_zero_and_everything_known() -> None:
    axis = Axis.over([0.2, 0.5, math.nan])
    assert axis.low < 0 < 0.5 < axis.high
    assert axis.place(axis.low) == 0
    assert axis.place(axis.high) == 100
    assert (Axis.over([math.nan]).low, Axis.over([]).high) == (-1, 1)


def test_ticks_are_round_numbers_with_as_many_decimals_as_they_need() -> None:
    texts = [text for _, text in Axis(-0.11, 0.22).ticks()]
    assert texts == ["-0.10", "-0.05", "0", "+0.05", "+0.10", "+0.15", "+0.20"]
    places = {text: place for place, text in Axis(-30, 30).ticks()}
    assert places["0"] == 50
    assert places["+10"] == pytest.approx(66.67)


def test_dots_stand_where_the_tracks_differences_are(study: Study) -> None:
    lines = study.chosen(["usdr"])
    lines = lines[lines["arm"] == "gan"]
    axis, line = track_axis(lines), lines.iloc[0].to_dict()
    dots = track_dots(axis, line)
    assert len(dots) == len(TRACKS)
    for dot, track, value in zip(dots, line["tracks"], line["track_differences"], strict=True):
        assert dot.label == f"{track}: {value:+.2f}"
        assert dot.x == pytest.approx(100 * (value - axis.low) / (axis.high - axis.low), abs=0.01)
    assert interval_axis(lines).low < lines["low"].min()


def test_a_track_without_a_difference_has_no_dot(study: Study) -> None:
    rows = study.rows[study.rows["metric"] == "usdr"].copy()
    rows.loc[(rows["track"] == TRACKS[1]) & (rows["source"] == "drums"), "value"] = math.nan
    lines = effects_of(rows)
    line = lines[lines["arm"] == "gan"].iloc[0].to_dict()
    labels = [dot.label for dot in track_dots(Axis(-1, 1), line)]
    assert len(labels) == len(TRACKS) - 1
    assert not any(label.startswith(TRACKS[1]) for label in labels)


def test_the_verdict_says_what_is_decided_and_for_which_sources(study: Study) -> None:
    of_all, by_source = verdict_sentences(study.chosen(["usdr"]))
    assert of_all.startswith("No difference from plain can be seen: GAN ")
    assert by_source == "By source: drums better, vocals worse."


def test_of_several_arms_the_verdicts_are_told_together(study: Study) -> None:
    one = study.chosen(["usdr"])
    undecided = one[one["arm"] == "gan"]
    better = undecided.assign(
        arm="wave_unet", verdict="better", difference=undecided["difference"] + 1
    )
    lines = pd.concat([one, better, undecided.assign(arm="gan_r1")])
    first, second = verdict_sentences(lines)
    assert first.startswith("Better than plain: Wave-U-Net +")
    assert second.startswith("No difference from plain can be seen: GAN ")
    assert "; GAN r1 " in second


@pytest.mark.slow
def test_systems_side_by_side_open_the_result_of_several_arms(tmp_path: Path) -> None:
    run = write_study_run(tmp_path / "systems", seeds=(0,), arms=EIGHT_ARMS)
    write_page(Study.of([run]), tmp_path / "page", audio=False)
    html = (tmp_path / "page" / "index.html").read_text("utf-8")
    table = html.partition('<table class="systems">')[2].partition("</table>")[0]
    assert table.count("<tr ") == 1 + len(EIGHT_ARMS)
    assert "DRNN-2 discriminative" in table
    assert "parameters, millions" in table


def test_arms_share_the_excerpts_that_all_of_them_kept(run: Path) -> None:
    excerpts, remarks = shared_excerpts(find_arms([run])[:2])
    assert [excerpt["plain"].track for excerpt in excerpts] == sorted(TRACKS[:2])
    assert [list(excerpt) for excerpt in excerpts] == [list(ARMS)] * 2
    assert remarks == []


def test_an_excerpt_that_an_arm_lacks_is_left_out_by_name(tmp_path: Path) -> None:
    run = write_study_run(tmp_path / "tones", seeds=(0,))
    write_tones(run / "seed0-gan", "gan", tracks=1)
    excerpts, remarks = shared_excerpts(find_arms([run]))
    assert [excerpt["plain"].track for excerpt in excerpts] == [AWKWARD]
    assert len(remarks) == 1
    assert remarks[0].startswith(f"GAN kept no excerpt of {TRACKS[1]} ")


def test_the_page_holds_a_picture_and_a_sound_of_every_signal(page: Path) -> None:
    html = (page / "index.html").read_text("utf-8")
    for excerpt in range(2):
        names = ["mixture", *(f"{source}-{place}" for source in (0, 1) for place in (0, 1, 2))]
        for name in names:
            assert html.count(f'src="excerpts/spectrogram-{excerpt}-{name}.webp"') >= 1
            assert (page / f"excerpts/spectrogram-{excerpt}-{name}.webp").is_file()
        sounds = sounds_of((page / f"excerpts/sound-{excerpt}.js").read_text())
        assert list(sounds) == names
        for flac in sounds.values():
            assert soundfile.info(io.BytesIO(flac)).samplerate == RATE


def page_data(page: Path) -> dict[str, Any]:
    class Finder(HTMLParser):
        inside, text = False, ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.inside = ("id", "page-data") in attrs

        def handle_data(self, data: str) -> None:
            if self.inside:
                self.text += data

    finder = Finder()
    finder.feed((page / "index.html").read_text("utf-8"))
    data: dict[str, Any] = json.loads(finder.text)
    return data


def test_the_script_is_told_of_every_signal_in_one_order(page: Path) -> None:
    data = page_data(page)
    assert data["study"] == "tones"
    assert {excerpt["track"] for excerpt in data["excerpts"]} == set(TRACKS[:2])
    for excerpt in data["excerpts"]:
        assert [trial["source"] for trial in excerpt["trials"]] == list(SOURCES)
        for trial in excerpt["trials"]:
            signals = trial["signals"]
            assert [s["arm"] for s in signals] == ["mixture", "reference", *ARMS]
            assert {s["seed"] for s in signals} == {0}
            assert all(0 < s["gain"] <= 1 for s in signals)


def test_restricted_music_is_left_out_and_what_was_there_is_removed(
    study: Study, tmp_path: Path
) -> None:
    write_page(study, tmp_path, audio=True)
    assert len(list(tmp_path.glob("excerpts/*.js"))) == 2
    write_page(study, tmp_path, audio=False)
    assert list(tmp_path.glob("excerpts/*.js")) == []
    assert len(list(tmp_path.glob("excerpts/*.webp"))) == 14
    html = (tmp_path / "index.html").read_text("utf-8")
    assert "experiments/compare.py runs/tones" in html
    assert "--audio" in html
    assert "<script" not in html


def test_free_music_may_always_be_heard(tmp_path: Path) -> None:
    run = write_study_run(tmp_path / "songs", seeds=(0,), data="synthetic")
    write_page(Study.of([run]), tmp_path / "page", audio=False)
    assert (tmp_path / "page" / "excerpts" / "sound-0.js").is_file()


def test_arms_without_excerpts_have_a_page_that_says_how_to_keep_some(tmp_path: Path) -> None:
    run = write_study_run(tmp_path / "tones", seeds=(0,))
    for arm in ARMS:
        write_tones(run / f"seed0-{arm}", arm, tracks=0)
    write_page(Study.of([run], question="Why <not>?"), tmp_path / "page", audio=True)
    html = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "evaluation.excerpts.tracks=3" in html
    assert "<h1>Why &lt;not&gt;?</h1>" in html


def test_the_same_runs_give_the_same_page(study: Study, page: Path, tmp_path: Path) -> None:
    write_page(study, tmp_path, audio=True)
    for path in sorted(p for p in page.rglob("*") if p.is_file()):
        assert (tmp_path / path.relative_to(page)).read_bytes() == path.read_bytes()


def test_names_are_text_and_never_markup(page: Path) -> None:
    html = (page / "index.html").read_text("utf-8")
    assert "<b>tags" not in html
    assert "Do &lt;discriminators&gt; help?" in html
