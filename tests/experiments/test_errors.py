"""What goes wrong in a user's hands ends in one clear line and exit status 2."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from commands import PYTHON, Ended, call, finish, start
from conftest import RATE, without_painting, write_experiment

pytestmark = pytest.mark.usefixtures("unpainted")

ARM = Path("runs/tiny/seed0-gan")


@pytest.fixture
def here(stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: tiny.yaml, and nothing done yet."""
    write_experiment(tmp_path / "tiny.yaml", stems, Path("runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    with without_painting() as patch:
        patch.chdir(folder)
        assert call("train_gan", "--config", "tiny.yaml").status == 0
    return folder


@pytest.fixture
def done(here: Path, trained: Path) -> Path:
    """The current folder with a copy of a finished experiment."""
    shutil.copytree(trained, here, dirs_exist_ok=True)
    return here


def train(*arguments: str) -> Ended:
    return call("train_gan", "--config", "tiny.yaml", *arguments)


def message(ended: Ended) -> str:
    """The one error that a program must end with: a line, or a count and the lines it counts."""
    assert ended.status == 2, ended.err
    assert ended.err.count("error: ") == 1
    assert "Traceback" not in ended.err
    said = ended.err.rpartition("error: ")[2].rstrip("\n")
    listed = r"\d+ problems with the data:(\n    .*)+"
    assert "\n" not in said or re.fullmatch(listed, said), said
    return said


def copy_of(stems: Path, folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> str:
    """The tiny data set with every stem of its training and validation tracks changed."""
    shutil.copytree(stems, folder)
    for split in ("train", "valid"):
        for path in (folder / split).rglob("*.wav"):
            soundfile.write(path, change(soundfile.read(path)[0]), RATE, subtype="FLOAT")
    return f"data.root={folder}"


@pytest.mark.slow
def test_an_error_is_the_last_line_of_a_program_that_exits_with_2(here: Path) -> None:
    process = start(PYTHON, "train_gan", "--config", "tiny.yaml", "sead=1", folder=here)
    assert message(finish(process)) == "sead: unknown key; did you mean 'seed'?"


def test_a_misspelt_key_or_file_gets_a_suggestion(here: Path) -> None:
    ended = train("generator.chanels=3")
    assert message(ended) == "generator.chanels: unknown key; did you mean 'channels'?"
    ended = call("train_gan", "--config", "tyni.yaml")
    expected = "tyni.yaml: no such configuration file; did you mean 'tiny.yaml'?"
    assert message(ended) == expected
    assert not (here / "runs").exists()


def test_traceback_shows_where_an_error_was_raised(here: Path) -> None:
    with pytest.raises(ValueError, match=r"generator\.chanels"):
        train("generator.chanels=3", "--traceback")


def test_a_data_folder_of_another_level_gets_the_right_one(here: Path, stems: Path) -> None:
    deep = message(train(f"data.root={stems / 'train'}"))
    assert deep.startswith(f"{stems / 'train' / 'train'}: no such folder; data.root must hold")
    assert deep.endswith(f"did you mean data.root={stems}?")
    high = message(train(f"data.root={stems.parent}"))
    assert high.endswith(f"did you mean data.root={stems}?")


def test_an_empty_or_missing_data_folder_is_named(here: Path) -> None:
    (here / "empty").mkdir()
    empty = message(train("data.root=empty"))
    assert empty.startswith("empty/train: no such folder; data.root must hold train/TRACK/SOURCE")
    assert empty.endswith("and empty holds nothing")
    assert message(train("data.root=nowhere")).startswith("nowhere: no such folder")
    assert not (here / "runs").exists()


def test_a_segment_longer_than_a_track_is_refused(here: Path) -> None:
    said = message(train("training.segment_seconds=2"))
    # 2 s and 0.1 s to shift in; the tracks have 1.5 s
    assert "train song 0: expected at least 16800 samples in a track of train (training.seg" in said
    assert "augment.shift.seconds" in said


def test_silence_everywhere_is_refused_before_any_step(here: Path, stems: Path) -> None:
    root = copy_of(stems, here / "silent", np.zeros_like)
    assert message(train(root)) == (
        "data: low, high silent from beginning to end in all 4 training tracks; check the files, "
        "or leave the source out of audio.sources"
    )
    assert not (here / "runs").exists()


def test_one_silent_source_of_the_validation_tracks_is_refused(here: Path, stems: Path) -> None:
    shutil.copytree(stems, here / "silent")
    for path in (here / "silent/valid").glob("*/high.wav"):
        soundfile.write(path, np.zeros(12000), RATE, subtype="FLOAT")
    said = message(train("data.root=silent"))
    assert said.startswith("data: high silent from beginning to end in all 2 validation tracks;")


def test_a_stem_that_is_no_number_is_named(here: Path, stems: Path) -> None:
    root = copy_of(stems, here / "broken", lambda signal: np.full_like(signal, np.nan))
    said = message(train(root))
    assert said.startswith("16 problems with the data:")
    assert "train song 0/high.wav: expected samples within full scale" in said
    assert "got nan in channel 1 at 0.000 s" in said


@pytest.mark.parametrize(
    ("player", "overrides"),
    [
        ("generator", ["optimizer.lr=1e30"]),
        (
            "discriminator",
            [
                "adversarial.optimizer.lr=1e30",
                "adversarial.warmup_steps=5",
                "adversarial.head_start_steps=4",
            ],
        ),
    ],
)
def test_numbers_that_explode_stop_the_run_and_lose_nothing(
    here: Path, player: str, overrides: list[str]
) -> None:
    arguments = ("--arms", "gan", "training.checkpoint_every=1", *overrides)
    said = message(train(*arguments))
    saved = sorted(path.stem for path in (here / ARM / "checkpoints").glob("step-*"))
    step = int(saved[-1].removeprefix("step-"))
    assert 1 <= step < 6
    assert said.startswith(f"step {step}: the {player}'s ")
    assert "nan" in said
    assert "learning rate" in said
    # Continuing meets the same numbers again, and says the same.
    assert message(train(*arguments, "--resume")) == said


def test_a_run_of_another_configuration_is_not_continued(done: Path) -> None:
    said = message(train("--resume", "generator.channels=5"))
    assert said.startswith("runs/tiny/seed0-plain holds a run of another configuration: ")
    assert "generator.channels is 4 there and 5 here" in said
    assert "name=..." in said


@pytest.mark.slow
def test_more_steps_of_a_finished_run_are_asked_for_with_resume(done: Path) -> None:
    said = message(train("training.steps=8"))
    assert "holds an unfinished run (step-00000006 of 8 steps)" in said
    assert "--resume" in said
    assert train("training.steps=8", "--resume").status == 0


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_can_be_deleted(done: Path, trained: Path) -> None:
    newest = done / ARM / "checkpoints/step-00000006.pt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said = message(train())
    assert said.startswith(f"{ARM}/checkpoints/step-00000006.pt: not a checkpoint")
    assert "Delete it" in said
    newest.unlink()
    assert "holds an unfinished run (step-00000003 of 6 steps)" in message(train())
    assert train("--resume").status == 0
    for name in ("records.jsonl", "checkpoints/best.pt", "evaluation/test/rows.csv"):
        assert (done / ARM / name).read_bytes() == (trained / ARM / name).read_bytes()


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 and nothing more"])
def test_best_weights_that_are_no_checkpoint_are_named(done: Path, content: bytes) -> None:
    (done / ARM / "checkpoints/best.pt").write_bytes(content)
    said = message(call("evaluate", ARM))
    assert said.startswith(f"{ARM}/checkpoints/best.pt: not a checkpoint")


@pytest.mark.slow
@pytest.mark.parametrize("content", [[1], {"step": 3}, {"generator": {"x": torch.zeros(1)}}])
def test_best_weights_of_something_else_are_named_and_the_advice_works(
    done: Path, trained: Path, content: object
) -> None:
    best = done / ARM / "checkpoints/best.pt"
    torch.save(content, best)
    said = message(call("evaluate", ARM))
    assert said.startswith(f"{ARM}/checkpoints/best.pt: not a checkpoint of ")
    assert "Delete it" in said
    best.unlink()
    # Selected at step 4 or 6 of 6, by the validation metric: a checkpoint before has to be there.
    ended = train("--arms", "gan", "--resume")
    if ended.status:
        assert "checkpoints of later steps" in message(ended)
        (best.parent / "step-00000006.pt").unlink()
        assert train("--arms", "gan", "--resume").status == 0
    state, whole = (torch.load(f / ARM / "checkpoints/best.pt") for f in (done, trained))
    assert state["step"] == whole["step"]
    for name, weight in whole["generator"].items():
        assert torch.equal(state["generator"][name], weight)


@pytest.mark.slow
@pytest.mark.parametrize("content", [[1], {"step": 3}, {"files": {"records": 0, "timing": 0}}])
def test_a_checkpoint_of_something_else_is_named_and_can_be_deleted(
    done: Path, content: object
) -> None:
    newest = done / ARM / "checkpoints/step-00000006.pt"
    torch.save(content, newest)
    said = message(train("--arms", "gan", "--resume"))
    assert said.startswith(f"{ARM}/checkpoints/step-00000006.pt: not a checkpoint of ")
    newest.unlink()
    assert train("--arms", "gan", "--resume").status == 0


def test_weights_that_are_no_numbers_separate_nothing(done: Path, stems: Path) -> None:
    best = done / ARM / "checkpoints/best.pt"
    state = torch.load(best, weights_only=True)
    for weight in _tensors(state):
        if weight.is_floating_point():
            weight.fill_(np.nan)
    torch.save(state, best)
    said = message(call("separate", ARM, stems / "test/test song 0/low.wav"))
    assert "NaN" in said
    assert not list((done / "separated").rglob("*.wav"))


def _tensors(tree: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested mappings."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _tensors(value)


def test_an_arm_without_best_weights_cannot_separate(done: Path, stems: Path) -> None:
    (done / ARM / "checkpoints/best.pt").unlink()
    song = stems / "test/test song 0/low.wav"
    for ended in (call("evaluate", ARM), call("separate", ARM, song)):
        said = message(ended)
        assert said.startswith(f"{ARM}/checkpoints/best.pt: no such file; a run has weights")
    assert not (done / "separated").exists()


def test_the_folder_above_an_arm_is_told_from_an_arm(done: Path) -> None:
    said = message(call("evaluate", "runs/tiny"))
    assert said == (
        "runs/tiny: expected the folder of one run with config.yaml; it holds the runs "
        "seed0-gan, seed0-plain"
    )


def test_keys_that_made_the_weights_cannot_be_changed_in_evaluation(done: Path) -> None:
    said = message(call("evaluate", ARM, "generator.channels=8"))
    assert said.startswith("generator.channels=8: the run was trained with this key as it is")
    assert message(call("evaluate", ARM, "evaluation.shift=2")).endswith("did you mean 'shifts'?")


def test_songs_that_cannot_be_separated_are_named(done: Path, stems: Path) -> None:
    songs = [stems / f"test/test song {number}/low.wav" for number in (0, 1)]
    assert "written over each other" in message(call("separate", ARM, *songs))
    assert message(call("separate", ARM, "song.wav")) == "song.wav: no such audio file"
    (done / "text.wav").write_text("no audio")
    assert message(call("separate", ARM, "text.wav")).startswith("text.wav: not readable as audio")


def test_songs_that_are_cut_off_or_hold_no_sound_leave_nothing(done: Path) -> None:
    signal = np.zeros(12000)
    soundfile.write("cut.wav", signal, RATE, subtype="FLOAT")
    Path("cut.wav").write_bytes(Path("cut.wav").read_bytes()[:9000])
    said = message(call("separate", ARM, "cut.wav"))
    assert said.startswith("cut.wav: cut off or damaged: its header says 12000 samples")
    signal[6000] = np.nan
    soundfile.write("nan.wav", signal, RATE, subtype="FLOAT")
    assert message(call("separate", ARM, "nan.wav")).endswith("got nan in channel 1 at 0.750 s")
    assert not (done / "separated").exists()


def test_names_that_would_leave_the_output_folder_are_refused(done: Path, stems: Path) -> None:
    song = next(stems.glob("test/*/low.wav"))
    shutil.copy(song, "...wav")
    said = message(call("separate", ARM, song, "...wav"))
    assert said.startswith("...wav: expected a plain file name")
    config = done / ARM / "config.yaml"
    config.write_text(config.read_text().replace("- low", "- ../../../ESCAPED"))
    said = message(call("separate", ARM, song))
    assert said.startswith("audio.sources: expected a plain file name")
    assert not (done / "separated").exists()


@pytest.mark.slow
def test_a_counterpart_with_other_data_is_refused(here: Path, stems: Path) -> None:
    root = here / "grow"
    shutil.copytree(stems, root)
    assert train("name=grow", "data.root=grow", "--arms", "plain").status == 0
    shutil.copytree(root / "train/train song 0", root / "train/T9")
    said = message(train("name=grow", "data.root=grow"))
    assert said.startswith("runs/grow/seed0-plain: the data are no longer those of this run: train")
    assert "/T9 is new" in said


def test_what_is_wrong_with_any_split_is_said_before_the_first_step(
    here: Path, stems: Path
) -> None:
    root = Path(copy_of(stems, here / "broken", lambda signal: signal).removeprefix("data.root="))
    shutil.copytree(root / "train/train song 0", root / "test/another name")
    soundfile.write(root / "valid/valid song 1/low.wav", np.zeros((12000, 6)), RATE)
    said = message(train("data.root=broken"))
    assert said == (
        "2 problems with the data:\n"
        "    broken/valid/valid song 1/low.wav: expected 1 or 2 channels, got 6\n"
        "    broken/train/train song 0, of train, holds the same music as "
        "broken/test/another name, of test; take one out"
    )
    assert not (here / "runs").exists()


def test_a_missing_split_and_a_refused_share_come_in_the_one_message(
    here: Path, stems: Path
) -> None:
    shutil.copytree(stems, here / "stems")
    shutil.rmtree(here / "stems/test")
    soundfile.write(here / "stems/valid/valid song 1/low.wav", np.zeros((12000, 6)), RATE)
    said = message(train("data.root=stems", "unpaired.set_aside=6"))
    valid, test, share = said.splitlines()[1:]
    assert valid.endswith("low.wav: expected 1 or 2 channels, got 6")
    assert test.startswith("    stems/test: no such folder; data.root must hold test/TRACK/SOURCE")
    assert share.startswith("    unpaired.set_aside: 6 takes 6 of 6 training tracks; expected at")
    assert not (here / "runs").exists()


def test_a_device_that_is_not_there_is_refused(done: Path) -> None:
    ended = call("separate", ARM, "song.wav", "--device", "gpu")
    assert ended.status == 2
    assert "argument --device: cannot compute on 'gpu'" in ended.err


def test_comparing_needs_the_folder_of_finished_arms(done: Path) -> None:
    above = message(call("compare", "runs"))
    assert above.startswith("runs: expected the folders seed0-plain, seed0-gan, ... of a run")
    assert message(call("compare", "elsewhere")).startswith("elsewhere: expected the folders")
    (done / ARM / "evaluation/test/rows.csv").unlink()
    said = message(call("compare", "runs/tiny"))
    assert said.startswith(f"{ARM}/evaluation/test/rows.csv: not there; train and evaluate")


def test_one_arm_alone_is_no_error_but_says_what_is_missing(here: Path) -> None:
    ended = train("--arms", "plain")
    assert ended.status == 0
    assert "its counterpart is missing. Train it with --arms gan" in ended.out
    assert yaml.safe_load((here / "runs/tiny/seed0-plain/config.yaml").read_text())["seed"] == 0
