from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import yaml

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.optimizers import adam, lbfgs

CHECKOUT = Path(__file__).parents[2]
# Nine levels, each naming the one before nine times: 387 million values in 300 characters.
BOMB = "[&a0 [x], {}]".format(
    ", ".join(f"&a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(9))
)
MINIMAL = "name: x\ndata: {name: synthetic}\ngenerator: {name: demucs}\n"


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    pair: tuple[float, float] = (0.0, 1.0)
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Root:
    count: int
    flag: bool = False
    mode: Literal["a", "b"] = "a"
    limit: float | None = None
    folder: Path | None = None
    inner: Inner = field(default_factory=Inner)


def read(tmp_path: Path, text: str, *overrides: str) -> Root:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load(Root, path, overrides)


def experiment(tmp_path: Path, text: str, *overrides: str) -> RunConfig:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load(RunConfig, path, overrides)


def test_values_reach_their_fields_and_the_rest_keeps_its_defaults(tmp_path: Path) -> None:
    root = read(tmp_path, "count: 3\ninner: {pair: [1, 2], names: [a, b]}\nfolder: music")
    assert root == Root(
        count=3, folder=Path("music"), inner=Inner(pair=(1.0, 2.0), names=("a", "b"))
    )


def test_numbers_in_the_form_1e_4_are_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, "count: 1\ninner: {rate: 1e-4}").inner.rate == 1e-4
    assert read(tmp_path, "count: 1", "limit=3e-5").limit == 3e-5


def test_a_value_of_an_alias_and_a_merged_mapping_are_read(tmp_path: Path) -> None:
    text = "count: 1\ninner: {<<: &a {rate: 0.1, pair: &p [1, 2]}, rate: 0.2, pair: *p}"
    assert read(tmp_path, text).inner == Inner(rate=0.2, pair=(1.0, 2.0))


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    root = read(tmp_path, "count: 3\ninner: {rate: 0.1}", "count=4", "inner.rate=0.2", "flag=true")
    assert (root.count, root.inner.rate, root.flag) == (4, 0.2, True)


def test_a_file_inherits_from_its_base_and_changes_only_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("count: 1\ninner: {rate: 0.1, names: [a]}")
    root = read(tmp_path, "base: base.yaml\ninner: {rate: 0.3}")
    assert root == Root(count=1, inner=Inner(rate=0.3, names=("a",)))


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("cuont: 3", (), "cuont: unknown key; did you mean 'count'?"),
        ("count: 3\ninner: {zzz: 1}", (), "inner.zzz: unknown key; known here: rate, pair, names"),
        ("flag: true", (), "count: missing value (a whole number)"),
        ("count: 3.5", (), "count: expected a whole number, got 3.5"),
        ("count: true", (), "count: expected a whole number, got True"),
        ("count: '3'", (), "count: expected a whole number, got '3'"),
        ("count: 3\nflag: 1", (), "flag: expected true or false, got 1"),
        ("count: 3\nmode: c", (), "mode: expected one of 'a', 'b', got 'c'"),
        ("count: 3\nlimit: much", (), "limit: expected a number, got 'much'"),
        ("count: 3\ninner: {pair: [1]}", (), "inner.pair: expected a list of 2 values"),
        ("count: 3\ninner: {names: [1]}", (), "inner.names[0]: expected text, got 1"),
        ("count: 3\ninner: 7", (), "inner: expected a section of keys, got 7"),
        ("count: 3", ("inner.rate",), "inner.rate: expected an override of the form"),
        ("count: 3", ("inner.rate=[",), "inner.rate: value '[' is not readable as YAML"),
        ("- 1", (), "expected a mapping of keys, got list"),
        ("count: [", (), "not readable as YAML"),
        (
            "count: 3\ncount: 4",
            (),
            "config.yaml: not readable as YAML: the key 'count' is there tw",
        ),
        ("count: 3", ("inner={rate: 1, rate: 2}",), "inner: value '{rate: 1, rate: 2}' is not rea"),
        (
            "count: " + "[" * 3000,
            (),
            "config.yaml: not readable as YAML: more than 40 levels of nes",
        ),
        ("count: 3", ("inner=" + "{a: " * 3000,), "inner: value '{a: {a: {a:"),
        (f"count: 3\ninner: {BOMB}", (), "more than 100000 values, aliases expanded in line"),
        ("count: &a [*a]", (), "the alias 'a' stands inside of what it names in line 1, column 12"),
        ("# " + "-" * 2**18, (), "config.yaml: not readable as YAML: larger than 262144 bytes"),
        ("count: 2001-99-99", (), "not readable as YAML: month must be in 1..12"),
        ("count: !!timestamp x", (), "not readable as YAML: a value is not what its tag says"),
        ("count: " + "9" * 5000, (), "a number of 5000 digits in line 1, column 8"),
        ("base: [1]", (), "config.yaml: base: expected a path, got [1]"),
        *(
            (
                f"count: 3\ninner: {{rate: {bad}}}",
                (),
                f"inner.rate: expected a finite number, got {x}",
            )
            for bad, x in ((".inf", "inf"), ("-.inf", "-inf"), (".nan", "nan"), ("nan", "nan"))
        ),
        ("count: 3", ("limit=.inf",), "limit: expected a finite number, got inf"),
        ("count: 3", ("inner.pair=[0, .nan]",), "inner.pair[1]: expected a finite number, got nan"),
        (
            "count: 3\nlimit: 1e10",
            (),
            "limit: expected at most 1000000000 in magnitude, got 1000000",
        ),
        ("count: 3\nlimit: 1" + "0" * 90, (), "limit: expected at most 1000000000 in magnitude"),
        (f"count: {2**64}", (), "count: expected at most 65536 in magnitude, got 1844674407370955"),
        (
            "count: -1_000_000_000",
            (),
            "count: expected at most 65536 in magnitude, got -1000000000",
        ),
        ('count: 3\nfolder: "a\\0b"', (), "folder: expected a path, got 'a\\x00b'"),
        ("base: nowhere.yaml", (), "nowhere.yaml: no such configuration file"),
        ("base: config.yaml", (), "inherits from itself"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_mistake_names_its_key(
    tmp_path: Path, text: str, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text, *overrides)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["generator.name=demux"],
            "generator.name: no generator called 'demux'; did you mean 'demucs'?",
        ),
        (["generator={channels: 4}", "data=null"], "data.name: missing value"),
        (
            ["losses=[{name: l2}]"],
            "no losses[0] called 'l2'; there are: artefacts, deep_feature, dissimilarity,",
        ),
        (
            ["losses=[{n_fft: 64}]"],
            "losses[0].name: missing value (one of artefacts, deep_feature, ",
        ),
        (
            ["losses=[{name: spectrogram, discriminative_weight: 2}]"],
            "losses[0].discriminative_weight: expected [0, 1)",
        ),
        (["generator.chanels=4"], "generator.chanels: unknown key; did you mean 'channels'?"),
        (["adversarial.gamma=1"], "adversarial.gamma: expected either gamma or balance"),
        (
            ["adversarial.level_normalisation=true", "adversarial.silence_db=null"],
            "adversarial.level_normalisation: expected silence_db to be the floor",
        ),
        (
            ["adversarial.augmentation={}", "adversarial.objective=relativistic"],
            "adversarial.augmentation.target: expected null with objective relativistic",
        ),
        (["adversarial.update_probability=0"], "adversarial.update_probability: expected above 0"),
        (["adversarial.update_probability=1.5"], "adversarial.update_probability: expected above"),
        *(
            (
                ["adversarial.frozen=true", f"adversarial.{key}={value}"],
                f"adversarial.{key}: expected",
            )
            for key, value in (
                ("regularizers", "[{name: r1}]"),
                ("update_probability", "0.5"),
                ("augmentation.target", "0.6"),
            )
        ),
        (["adversarial.feature_matching=-1"], "adversarial.feature_matching: expected at least 0"),
        (
            ["adversarial.crop_seconds=0"],
            "adversarial.crop_seconds: expected at least 0.001 or null, got 0",
        ),
        (
            ["adversarial.crop_seconds=4"],
            "adversarial.crop_seconds: expected at most training.segment_seconds (3.0), got 4",
        ),
        (
            ["discriminator.name=spectrogram", "adversarial.crop_seconds=0.04"],
            "adversarial.crop_seconds: expected at least 0.0464, the 2048 samples of the discrim",
        ),
        (["adversarial.head_start_steps=5"], "adversarial.head_start_steps: expected between 0"),
        (["training.accumulation=3"], "training.accumulation: expected a divisor of batch_size"),
        (["training.batch_size=6"], "augment.remix.group: expected a divisor of the 6 segments"),
        (["training.steps=0"], "training.steps: expected at least 1, got 0"),
        (["audio.channels=3"], "audio.channels: expected 1 (mono) or 2 (stereo), got 3"),
        (["optimizer.lr=-1"], "optimizer.lr: expected more than 0, got -1"),
        (["optimizer.betas=[0.9, 1]"], "optimizer.betas: expected [0, 1)"),
        (["optimizer.weight_decay=-1"], "optimizer.weight_decay: expected at least 0, got -1"),
        (
            ["optimizer.max_gradient_norm=0"],
            "optimizer.max_gradient_norm: expected more than 0 or null, got 0",
        ),
        (["adversarial.optimizer.lr=0"], "adversarial.optimizer.lr: expected more than 0"),
        (["training.precision=fp16"], "training.precision: expected one of 'fp32', 'bf16'"),
        (["training.threads=0"], "training.threads: expected at least 1 or null, got 0"),
        (["name=a/b"], "name: expected a plain file name"),
    ],
)
def test_impossible_experiments_are_refused_with_the_key(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        experiment(tmp_path, MINIMAL, *overrides)
    assert message in str(error.value)


def test_a_warmup_that_never_ends_is_refused(tmp_path: Path) -> None:
    overrides = ["discriminator={name: spectrogram}", "adversarial.warmup_steps=1000"]
    with pytest.raises(ConfigError, match=r"warmup_steps: expected less than training\.steps"):
        experiment(tmp_path, MINIMAL, *overrides)


def test_a_line_search_is_refused_in_the_gan_arm_and_takes_no_other_optimizers_keys(
    tmp_path: Path,
) -> None:
    searching = ["optimizer={name: lbfgs, iterations: 3, history: 2}"]
    both = ["discriminator={name: spectrogram}"]
    assert experiment(tmp_path, MINIMAL, *searching).optimizer == lbfgs.Config(1.0, 3, 2)
    for overrides, message in (
        ([*both, *searching], r"optimizer\.name: expected one without .* say discriminator: null"),
        ([*searching, "optimizer.max_gradient_norm=1"], r"optimizer\.max_gradient_norm: unknown"),
        ([*searching, "optimizer.betas=[0.9, 0.99]"], r"optimizer\.betas: unknown key"),
        (["optimizer.iterations=3"], r"optimizer\.iterations: unknown key"),
        (["adversarial.optimizer.name=lbfgs"], r"adversarial\.optimizer\.name: unknown key"),
    ):
        with pytest.raises(ConfigError, match=message):
            experiment(tmp_path, MINIMAL, *overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["adversarial.instance_noise.until_step=1001"],
            "adversarial.instance_noise.until_step: expected at most training.steps (1000), got",
        ),
        (
            ["adversarial.instance_noise.until_step=50", "adversarial.warmup_steps=50"],
            "adversarial.instance_noise.until_step: expected after step 50, in which the discrim",
        ),
        (
            ["adversarial.regularizers=[{name: r1, every: 400}]", "adversarial.warmup_steps=801"],
            "adversarial.regularizers[0].every: expected a multiple of it between step 801, in",
        ),
        (
            ["losses=[{name: l1_time, balance: 1}]"],
            "losses: expected at least one term of a weight above",
        ),
        (
            ["losses=[{name: l1_time}, {name: l2_time, balance: 1, weight: 2}]"],
            "losses[1].balance: expected a ratio of at least 0, and no weight beside it",
        ),
        (
            ["adversarial.objective={name: hinge, real: 0}"],
            "adversarial.objective.real: expected above fake",
        ),
        (
            ["adversarial.regularizers=[{name: lecam, weight: 0}]"],
            "adversarial.regularizers[0].weight: expected > 0, got 0",
        ),
        (
            ["adversarial.augmentation={target: null}"],
            "adversarial.augmentation.probability: expected above 0 where target is null",
        ),
    ],
)
def test_remedies_that_could_do_nothing_are_refused_with_the_key(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        experiment(tmp_path, MINIMAL, "discriminator={name: spectrogram}", *overrides)
    assert message in str(error.value)


def test_remedies_are_of_no_concern_to_a_plain_arm(tmp_path: Path) -> None:
    short = ["training.steps=10", "training.validate_every=5"]
    experiment(tmp_path, MINIMAL, *short, "adversarial.instance_noise.until_step=1001")


def test_a_section_of_another_name_replaces_the_base_section(tmp_path: Path) -> None:
    base = MINIMAL.replace("{name: synthetic}", "{name: mir1k, root: somewhere}")
    (tmp_path / "base.yaml").write_text(base)
    config = experiment(tmp_path, "base: base.yaml\ndata: {name: synthetic}")
    assert type(config.data).__module__ == "gan_sep.data.synthetic"


def test_an_optimizer_without_a_name_is_adam(tmp_path: Path) -> None:
    config = experiment(tmp_path, MINIMAL, "optimizer.lr=0.1")
    assert config.optimizer == adam.Config(lr=0.1)
    assert to_dict(config)["optimizer"]["name"] == "adam"
    assert experiment(tmp_path, MINIMAL, "optimizer={name: adam, lr: 0.1}") == config
    with pytest.raises(ConfigError, match=r"optimizer\.name: no optimizer called 'adom'; did you"):
        experiment(tmp_path, MINIMAL, "optimizer.name=adom")
    assert experiment(tmp_path, MINIMAL, "optimizer=adam") == experiment(tmp_path, MINIMAL)
    with pytest.raises(ConfigError, match=r"optimizer\.name: missing value \(one of adam"):
        experiment(tmp_path, MINIMAL, "optimizer=[adam]")


def test_the_resolved_tree_read_back_is_the_same_experiment(tmp_path: Path) -> None:
    config = experiment(tmp_path, MINIMAL, "generator.channels=8", "seed=3")
    tree = to_dict(config)
    assert tree["generator"]["name"] == "demucs"
    assert tree["generator"]["channels"] == 8
    assert experiment(tmp_path, yaml.safe_dump(tree)) == config


EXPERIMENTS = [
    path
    for path in sorted((CHECKOUT / "configs").rglob("*.yaml"))
    if not {"accelerate", "studies"} & set(path.parts)
]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=str)
def test_every_configuration_of_the_project_is_valid(path: Path) -> None:
    assert load(RunConfig, path).name


@pytest.mark.parametrize("path", EXPERIMENTS, ids=str)
def test_spectrogram_losses_have_the_spectra_that_the_generator_masks(path: Path) -> None:
    tree = to_dict(load(RunConfig, path))
    generator = tree["generator"]
    for loss in tree["losses"]:
        if loss["name"] != "spectrogram" or "stft" not in generator:
            continue
        assert loss["stft"] == generator["stft"]
