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
from gan_sep.reporting.report import write_full
from gan_sep.reporting.study import Study
from gan_sep.training.lifecycle import Member, pair, run_members

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
    parser.add_argument("--arms", choices=("plain", "gan"), help="one of the two; default: both")
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    arguments = parser.parse_intermixed_args()
    with clear_errors(arguments.traceback):
        config = load(RunConfig, arguments.config, arguments.overrides)
        if arguments.config == DEMO and PartialState().is_main_process:
            print(DEMO_WORDS)
        members = pair(config)
        run_members(chosen(members, arguments.arms), arguments.resume)
        if PartialState().is_main_process:
            print(conclusion(members))
        PartialState().wait_for_everyone()
        PartialState().destroy_process_group()


def chosen(members: list[Member], arm: str | None) -> list[Member]:
    """The runs of the arm that is asked for. Raises ValueError where there is none such."""
    found = [member for member in members if arm in (None, member.arm)]
    if not found:
        raise ValueError("discriminator: missing value: the arm gan needs one")
    return found


def conclusion(members: list[Member]) -> str:
    """The report in short where both runs of this seed are there, else what is missing."""
    evaluated = {member.arm: member.folder.rows_file().is_file() for member in members}
    missing = [arm for arm, there in evaluated.items() if not there]
    if missing or len(members) == 1:
        rows = next(member.folder.rows_file() for member in members if evaluated[member.arm])
        end = f"Train it with --arms {missing[0]}, and the report is written." if missing else ""
        return f"Rows: {rows}\nNo comparison yet: its counterpart is missing. {end}".rstrip()
    folder = members[0].folder.folder.parent
    study, report = Study.of([folder]), folder / "report"
    write_full(study, report, audio=True)
    return f"{study.in_short()}\n\nReport: {report / 'README.md'}"


if __name__ == "__main__":
    main()
