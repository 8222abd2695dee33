"""Train a generator plain and with discriminators, evaluate both, compare them, write the report.

    accelerate launch experiments/train_gan.py
    accelerate launch experiments/train_gan.py --config FILE data.root=FOLDER generator.channels=64

Without --config it reads configs/demo.yaml, which needs no data: it trains on synthetic songs made
on the spot. Any key of the configuration can follow as key.path=value. What is finished is not done
again; a run that was interrupted continues with --resume.
"""

from pathlib import Path

from accelerate import PartialState

from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.programs import clear_errors, program
from gan_sep.reporting.report import write_report
from gan_sep.training.twins import run_twins

DEMO = Path(__file__).resolve().parents[1] / "configs" / "demo.yaml"


DEMO_WORDS = """\
Demo: synthetic songs made on the spot, no music is read. To train on music, name a configuration
and the folder the music lies in, for example
    accelerate launch experiments/train_gan.py \\
        --config configs/musdb18_7s/small.yaml data.root=FOLDER
"""


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--config", type=Path, default=DEMO, help="YAML file (default: the demo)")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        config = load(RunConfig, arguments.config, arguments.overrides)
        if arguments.config == DEMO and PartialState().is_main_process:
            print(DEMO_WORDS)
        run_twins(config, arguments.resume)
        if PartialState().is_main_process:
            print(conclusion(config))
        PartialState().wait_for_everyone()
        PartialState().destroy_process_group()


def conclusion(config: RunConfig) -> str:
    """The report in short where both twins of this seed are there, else what is missing."""
    missing = [arm for arm in ("plain", "gan") if not config.arm_rows(arm).is_file()]
    if missing:
        return (
            f"Rows: {config.arm_rows(config.arms[0])}\nNo comparison yet: its twin is missing. "
            f"Train it with arms=[{missing[0]}], and the report is written."
        )
    return write_report(config.folder, config.folder / "report", audio=True)


if __name__ == "__main__":
    main()
