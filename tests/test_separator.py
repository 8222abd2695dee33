from pathlib import Path

import pytest
import torch
from conftest import MakeExperiment

import gan_sep
from gan_sep.evaluation.separate import separate
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.loop import Run


def test_a_runs_separator_gives_the_estimates_of_its_weights(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment().plain
    Run(config, "plain").train()
    run = RunFolder.of(config, "plain")
    separator = gan_sep.load_separator(str(run.folder))
    assert separator.audio == config.audio
    mixture = torch.randn(1, 9000)
    found = separator.separate(mixture, config.audio.sample_rate)
    network = config.generator.build(config.audio)
    network.load_state_dict(checkpoint.load(run.best)["generator"])
    how = config.evaluation.overlap_add(config.audio, config.seed)
    assert list(found) == ["low", "high"]
    assert torch.equal(torch.stack(list(found.values())), separate(network, mixture, how))
    # Any rate, mono or stereo: the estimates are in the run's own format.
    assert separator.separate(torch.randn(2, 44100), 44100)["high"].shape == (1, 8000)
    for wrong, message in (
        (torch.zeros(3, 10), r"expected \(1 or 2, T\), got shape \(3, 10\)"),
        (torch.zeros(2, 0), r"expected \(1 or 2, T\)"),
        (torch.full((1, 10), torch.nan), "holds NaN or inf"),
    ):
        with pytest.raises(ValueError, match=message):
            separator.separate(wrong, 8000)


def test_what_is_no_run_or_has_no_weights_is_named(
    tmp_path: Path, make_experiment: MakeExperiment
) -> None:
    with pytest.raises(FileNotFoundError, match="expected the folder of one run"):
        gan_sep.load_separator(tmp_path)
    config = make_experiment().plain
    run = Run(config, "plain")
    run._begin()
    with pytest.raises(CheckpointError, match=r"best\.pt: no such file"):
        gan_sep.load_separator(run.folder.folder)
