"""Every switch of the adversarial section in a whole run: it acts, and the run can be resumed."""

from pathlib import Path
from typing import Any

import pytest
from conftest import MakeExperiment, write_experiment
from training.test_loop import equal, interrupted, train

from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig

SHORT = "training.steps=4"  # the generator gets of the last but one
SWITCHES = {
    "hinge": ["adversarial.objective=hinge"],
    "relativistic": ["adversarial.objective=relativistic"],
    "feature_matching": ["adversarial.feature_matching=2"],
    "update_probability": ["adversarial.update_probability=0.01"],
    "frozen": ["adversarial.frozen=true"],
    "r1": ["adversarial.regularizers=[{name: r1, every: 1}]"],
    "r2": ["adversarial.regularizers=[{name: r2, every: 1}]"],
    "spectral_norm": ["discriminator.spectral_norm=true"],
    "crop_seconds": ["adversarial.crop_seconds=0.2"],
    "level_normalisation": ["adversarial.level_normalisation=true"],
    "instance_noise": ["adversarial.instance_noise={until_step: 4}"],
    "augmentation": ["adversarial.augmentation={probability: 0.5, target: null}"],
    "adaptive": ["adversarial.augmentation={probability: 0.5, ramp_segments: 30}"],
    "lecam": ["adversarial.regularizers=[{name: lecam}]"],
}
EVERYTHING = [
    "adversarial.feature_matching=2",
    "adversarial.update_probability=0.7",
    "discriminator.spectral_norm=true",
    "adversarial.crop_seconds=0.2",
    "adversarial.level_normalisation=true",
    "adversarial.instance_noise={until_step: 6}",
    "adversarial.regularizers=[{name: lecam}, {name: r1, every: 2}, {name: r2, every: 2}]",
]


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """What two runs of one seed share, whatever their names and speeds."""
    del state["config"], state["files"]["timing"]
    return state


@pytest.fixture(scope="module")
def without(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The end of a run without any remedy."""
    folder = tmp_path_factory.mktemp("without")
    file = write_experiment(folder / "tiny.yaml", stems, folder / "runs")
    return train(load(RunConfig, file, [SHORT]))


@pytest.mark.slow
@pytest.mark.parametrize("overrides", SWITCHES.values(), ids=SWITCHES)
def test_every_switch_changes_what_both_players_learn(
    make_experiment: MakeExperiment, without: dict[str, Any], overrides: list[str]
) -> None:
    switched = train(make_experiment(SHORT, *overrides))
    for player in ("generator", "discriminator"):
        assert not equal(switched["players"][player], without["players"][player])


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["adversarial.objective=hinge", "adversarial.augmentation={ramp_segments: 30}"],
        [
            "adversarial.objective=relativistic",
            "adversarial.augmentation={probability: 0.5, target: null}",
        ],
    ],
    ids=["hinge, adaptive", "relativistic"],
)
def test_a_run_with_all_remedies_resumes_to_the_same_bits(
    make_experiment: MakeExperiment, overrides: list[str]
) -> None:
    whole = lasting(train(make_experiment("name=whole", *EVERYTHING, *overrides)))
    parts = make_experiment("name=parts", *EVERYTHING, *overrides)
    interrupted(parts, "gan", 4)
    assert equal(lasting(train(parts)), whole)
