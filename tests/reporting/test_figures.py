"""Figures show the numbers they are given and refuse to be empty."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image

from gan_sep.evaluation.metrics import statistics
from gan_sep.reporting.comparison_figure import comparison_figure, side_steps
from gan_sep.reporting.curves import curves_figure, running_mean
from gan_sep.reporting.effects import effects
from gan_sep.reporting.forest_figure import forest_figure
from gan_sep.reporting.frame import frame_of
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_colours, arm_name, source_colours, write_png
from gan_sep.runs import write_text
from gan_sep.statistics.compare import compare


def usdr(seeds: int = 1, spread: float = 1.0, **more: float) -> pd.DataFrame:
    """Two tracks of drums; spread: of the GAN arm over seeds; more: arms and how they fare."""
    rows = [
        (seed, arm, track, "drums", "usdr", value + number + spread * seed * (arm == "gan"))
        for seed in range(seeds)
        for arm, value in {"mixture": 0.0, "plain": 4.0, "gan": 5.0, **more}.items()
        for number, track in enumerate(("a", "b"))
    ]
    columns = ["seed", "arm", "track", "source", "metric", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return effects([compare(table, statistics()["usdr"], resamples=100)])


def named(lines: pd.DataFrame, *statistics: str) -> pd.DataFrame:
    """The same lines under the names of other statistics."""
    return pd.concat([lines.assign(statistic=name) for name in statistics])


def run_with_records(
    folder: Path, arm: str, seed: int = 0, losses: tuple[str, ...] = ("l1_time",)
) -> ArmRun:
    run = ArmRun(folder / f"seed{seed}-{arm}", seed, arm)
    lines = []
    for step in range(10, 60, 10):
        loss = {name: {"drums": 1 / step + seed} for name in ("reconstruction", *losses)}
        record = {"step": step, "kind": "train", "loss": loss}
        if arm != "plain" and step > 20:  # after the warm-up
            record["gradient_ratio"] = {"drums": 0.2}
        lines.append(json.dumps(record))
    lines.append(json.dumps({"step": 50, "kind": "valid", "usdr": {"drums": 3.0, "All": 3.0}}))
    write_text(run.folder / "records.jsonl", "\n".join(lines) + "\n")
    discriminator = "null" if arm == "plain" else "{name: spectrogram}"
    config = f"audio: {{sources: [drums]}}\ndiscriminator: {discriminator}\n"
    config += "adversarial: {warmup_steps: 20}\n"
    config += "losses:\n" + "".join(f"- name: {name}\n" for name in losses)
    write_text(run.folder / "config.yaml", config)
    write_text(run.folder / "environment.json", "{}")
    return run


def curves_of(runs: Sequence[ArmRun]) -> Figure:
    terms = dict.fromkeys(name for run in runs for name in run.loss_names)
    return curves_figure(frame_of(runs, pd.DataFrame()), list(terms))


def test_the_comparison_shows_levels_dots_mean_and_verdict() -> None:
    figure = comparison_figure(usdr(seeds=2, spread=0))
    levels, differences = figure.axes
    assert levels.get_title(loc="left") == "uSDR (whole tracks), mean of tracks"
    assert [label.get_text() for label in levels.get_xticklabels()] == ["drums", "All"]
    written = [text.get_text() for text in levels.texts]
    assert written == ["4.5", "4.5", "5.5", "5.5"]
    assert [text.get_text() for text in differences.texts] == ["+1.00\nbetter"] * 2


def test_the_comparison_has_a_row_for_each_statistic_that_is_there() -> None:
    one = usdr()
    assert len(comparison_figure(named(one, "usdr", "gnsdr")).axes) == 4
    assert len(comparison_figure(named(one, "usdr", "sdr")).axes) == 2  # sdr without its mean


def test_many_arms_are_compared_without_words_and_oracles_share_a_name_in_the_legend() -> None:
    figure = comparison_figure(usdr(hinge=3.0, irm1=9.0, mwf=9.5))
    assert [len(axes.texts) for axes in figure.axes] == [0, 0]
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:5] == ["plain", "GAN", "hinge", "mixture", "IRM1, MWF"]


def test_the_forest_of_one_arm_has_a_line_per_source_with_the_verdict() -> None:
    (plot,) = forest_figure(usdr()).axes
    assert [text.get_text() for text in plot.texts] == ["+1.00  one seed"] * 2
    assert [label.get_text() for label in plot.get_yticklabels()] == ["drums", "All"]
    assert plot.get_xlabel() == "difference from plain, dB, higher is better"


def test_the_forest_of_several_arms_has_a_plot_per_source_and_a_line_per_arm() -> None:
    one = usdr(seeds=2, spread=0, conv_tasnet=3.0, equal=4.0)
    figure = forest_figure(named(one, "usdr", "gnsdr"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["drums", "All"] * 2
    for plot in figure.axes:
        written = {text.get_text(): text.get_fontweight() for text in plot.texts}
        assert written == {"+1.00": "bold", "-1.00": "bold", "+0.00": "normal"}
        assert [line.xy[1] for line in plot.texts if isinstance(line, Annotation)] == [0, 1, 2]
        low, high = plot.get_ylim()
        assert low > high  # the first arm is at the top
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["GAN", "Conv-TasNet", "equal"]
    colours = arm_colours(one["arm"].unique())
    intervals = np.concatenate([c.get_edgecolor() for c in figure.axes[0].collections[::3]])
    assert [to_hex(colour) for colour in intervals] == [
        colours["gan"],
        colours["conv_tasnet"],
        colours["equal"],
    ]


def test_an_undecided_difference_is_hollow_among_several_arms() -> None:
    plot = forest_figure(usdr(seeds=2, spread=0, equal=4.0)).axes[0]
    decided, undecided = plot.collections[1::3]
    assert np.asarray(undecided.get_facecolor()).tolist() == [[1, 1, 1, 1]]
    assert np.asarray(decided.get_facecolor()).tolist() == [
        [*to_rgb(arm_colours(["gan"])["gan"]), 1]
    ]


def test_the_forest_marks_every_seed_where_there_are_several() -> None:
    single, several = (forest_figure(usdr(seeds)) for seeds in (1, 2))
    assert [len(figure.axes[0].collections) for figure in (single, several)] == [2 * 2, 2 * 3]
    for marks in several.axes[0].collections[2::3]:
        np.testing.assert_allclose(np.asarray(marks.get_offsets())[:, 0], [1, 2])


def test_seeds_stand_above_the_interval_of_their_arm() -> None:
    plot = forest_figure(usdr(seeds=2, hinge=3.0)).axes[0]
    seeds = [np.asarray(marks.get_offsets()) for marks in plot.collections[2::3]]
    np.testing.assert_allclose(seeds, [[[1, -0.38], [2, -0.38]], [[-1, 0.62], [-1, 0.62]]])


def test_a_forest_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one statistic to draw, got none"):
        forest_figure(usdr().iloc[:0])


def test_a_comparison_without_a_statistic_to_show_is_refused() -> None:
    with pytest.raises(
        ValueError, match="expected one of the statistics gnsdr, sdr, usdr, got isr"
    ):
        comparison_figure(named(usdr(), "isr"))


def test_curves_have_a_panel_for_all_that_was_recorded(tmp_path: Path) -> None:
    runs = [run_with_records(tmp_path, arm) for arm in ("plain", "gan")]
    figure = curves_of(runs)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:3] == [
        "reconstruction loss",
        "validation uSDR, All, dB",
        "gradient ratio, adversarial to reconstruction",
    ]
    loss, valid, ratio, _ = figure.axes
    points = loss.lines[0].get_xydata()
    assert np.asarray(points).tolist() == [[step, 1 / step] for step in (10, 20, 30, 40, 50)]
    assert [line.get_label() for line in valid.lines] == ["plain", "GAN"]
    assert np.asarray(ratio.lines[0].get_xdata()).tolist() == [30, 40, 50]


def test_arms_that_learn_by_different_losses_have_panels_of_their_own(tmp_path: Path) -> None:
    runs = [run_with_records(tmp_path, "plain")]
    runs += [run_with_records(tmp_path, arm, losses=("spectrogram",)) for arm in ("dnn", "vpnn")]
    first, second, *_ = curves_of(runs).axes
    assert first.get_title(loc="left") == "loss l1_time"
    assert second.get_title(loc="left") == "loss spectrogram"
    colours = arm_colours(["plain", "dnn", "vpnn"])
    bold = [[line.get_color() for line in axes.lines[1::2]] for axes in (first, second)]
    assert bold == [[colours["plain"]], [colours["dnn"], colours["vpnn"]]]


def test_curves_of_seeds_are_thin_and_their_mean_is_bold(tmp_path: Path) -> None:
    runs = [run_with_records(tmp_path, "plain", seed) for seed in (0, 1)]
    loss = curves_of(runs).axes[0]
    first, second, mean = loss.lines
    assert mean.get_linewidth() > first.get_linewidth() == second.get_linewidth()
    expected = np.array([1 / step + 0.5 for step in range(10, 60, 10)])
    np.testing.assert_allclose(np.asarray(mean.get_ydata(), dtype=np.float64), expected)


def test_the_mean_of_seeds_is_taken_where_all_have_a_record(tmp_path: Path) -> None:
    runs = [run_with_records(tmp_path, "plain", seed) for seed in (0, 1)]
    path = runs[1].folder / "records.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[::2]))
    *_, mean = curves_of(runs).axes[0].lines
    assert np.asarray(mean.get_xdata()).tolist() == [10, 30, 50]
    expected = [1 / step + 0.5 for step in (10, 30, 50)]
    np.testing.assert_allclose(np.asarray(mean.get_ydata(), dtype=np.float64), expected)


def test_discriminators_of_several_arms_have_a_curve_per_arm(tmp_path: Path) -> None:
    runs = [run_with_records(tmp_path, arm) for arm in ("plain", "gan", "hinge")]
    figure = curves_of(runs)
    colours = arm_colours(["plain", "gan", "hinge"])
    bold = figure.axes[2].lines[1::2]  # behind each its noise
    assert [line.get_color() for line in bold] == [colours["gan"], colours["hinge"]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["plain", "GAN", "hinge"]


def test_curves_without_any_record_are_refused(tmp_path: Path) -> None:
    run = run_with_records(tmp_path, "plain")
    (run.folder / "records.jsonl").unlink()
    with pytest.raises(ValueError, match="no records of training or validation"):
        curves_of([run])


def test_the_running_mean_is_of_fewer_values_at_the_ends() -> None:
    values = np.arange(100.0)
    smooth = running_mean(pd.Series(values)).to_numpy()
    np.testing.assert_allclose(smooth[1:-1], values[1:-1])  # three percent: one to each side
    assert (smooth[0], smooth[-1]) == (0.5, 98.5)


def test_dots_of_equal_values_step_aside_symmetrically_and_lonely_ones_do_not() -> None:
    steps = side_steps(np.array([1.0, 0.0, 1.0, 1.0]))
    assert steps[1] == 0
    np.testing.assert_allclose(sorted(steps[[0, 2, 3]]), [-0.045, 0, 0.045])


def test_dots_never_reach_the_neighbouring_source() -> None:
    steps = side_steps(np.zeros(1000))
    assert np.abs(steps).max() == pytest.approx(0.38)
    assert len(np.unique(steps)) == 1000
    assert side_steps(np.zeros(0)).size == 0


def test_sources_have_different_colours() -> None:
    colours = source_colours(["drums", "bass", "other", "vocals"])
    assert len(set(colours.values())) == 4


def test_arms_keep_their_colours_and_names_whoever_else_is_there() -> None:
    others = ["hinge", "wide", *"abcde"]
    colours = arm_colours(["mixture", "plain", "gan", *others, "irm1", "mwf"])
    assert len(set(colours.values())) == 4 + len(others)  # the oracles share one
    assert colours["irm1"] == colours["mwf"]
    assert arm_colours(["gan"])["gan"] == colours["gan"]


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        ("plain", "plain"),
        ("gan", "GAN"),
        ("gan_r1", "GAN r1"),
        ("begany", "begany"),
        ("irm1", "IRM1"),
        ("conv_tasnet", "Conv-TasNet"),
        ("rnn_mask", "RNN mask"),
        ("drnn2_discriminative", "DRNN-2 discriminative"),
        ("wave_unet_gan", "Wave-U-Net GAN"),
        ("lecam-0_3", "lecam-0.3"),
    ],
)
def test_arms_are_named_as_the_field_writes_them(arm: str, name: str) -> None:
    assert arm_name(arm) == name


def test_the_panels_of_many_arms_are_wider() -> None:
    few = comparison_figure(usdr())
    many = {f"arm{number}": float(number) for number in range(20)}
    wide = comparison_figure(usdr(1, **many))
    assert wide.get_figwidth() > few.get_figwidth()


def test_a_figure_written_twice_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        write_png(tmp_path / name, comparison_figure(usdr()))
    first, second = ((tmp_path / name).read_bytes() for name in ("first.png", "second.png"))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_of_few_colours_keeps_those_of_the_arms(tmp_path: Path) -> None:
    arms = arm_colours(["gan", "irm1", *(f"arm {number}" for number in range(14))])
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(4, 4).flat
    for plot, (arm, colour) in zip(axes, arms.items(), strict=True):
        plot.plot([0, 1], color=colour, label=arm)
        plot.set_title(arm)
        plot.legend()
    write_png(tmp_path / "arms.png", figure, colours="house")
    pixels = np.unique(
        np.asarray(Image.open(tmp_path / "arms.png").convert("RGB")).reshape(-1, 3), axis=0
    )
    assert len(pixels) <= 128
    for colour in arms.values():
        assert np.abs(pixels / 255 - to_rgb(colour)).max(1).min() < 1e-6
