"""Compare the arms of finished runs with the plain one, and write the report.

    python experiments/compare.py runs/NAME
    python experiments/compare.py runs/NAME --out reports/NAME
    python experiments/compare.py runs/FIRST runs/SECOND --metric usdr
    python experiments/compare.py reports/STUDY --page OUT

Prints a table for each arm: mixture, plain, the arm, their difference with its 95 % interval and a
verdict. With --out it also writes the report with tables, figures and all rows. Runs of several
folders belong to one study, as seeds or as arms. What words.md in the report's folder says is
quoted in it and kept. --page makes every table, figure and the page, without sounds, from a
committed study, which has no runs.
"""

from contextlib import nullcontext
from pathlib import Path

from gan_sep.evaluation.metrics import statistics
from gan_sep.locks import alone_in
from gan_sep.programs import clear_errors, program
from gan_sep.reporting.committed import committed_study
from gan_sep.reporting.page.write import write_page
from gan_sep.reporting.report import write_study, write_tables
from gan_sep.reporting.study import HEADLINES, Study


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folder of a run: runs/NAME")
    parser.add_argument("--out", type=Path, help="folder of the report")
    parser.add_argument("--page", type=Path, help="of a committed study: folder of tables and page")
    parser.add_argument(
        "--audio",
        action="store_true",
        help="the report's page can be listened to: not for music that may not be passed on",
    )
    parser.add_argument(
        "--controls",
        nargs="+",
        default=(),
        help="arms with which the report compares the others besides the plain one",
        metavar="ARM",
    )
    parser.add_argument("--question", help="opens the report (default: the configuration's)")
    parser.add_argument(
        "--metric",
        nargs="+",
        choices=statistics(),
        default=HEADLINES,
        help=f"tables to print: {', '.join(statistics())} (default: {', '.join(HEADLINES)})",
        metavar="NAME",
    )
    arguments = parser.parse_args()
    out = arguments.page or arguments.out
    with clear_errors(arguments.traceback), alone_in(out) if out else nullcontext():
        if arguments.page:
            (folder,) = arguments.runs
            study = committed_study(folder, tuple(arguments.controls))
            write_tables(study, arguments.page)
            write_page(study, arguments.page, arguments.question, name=folder.name)
            print(f"{study.in_short(arguments.metric)}\n\nPage: {arguments.page / 'index.html'}")
            return
        study = Study.of(arguments.runs, arguments.controls)
        print(study.in_short(arguments.metric))
        if arguments.out:
            write_study(study, arguments.out, arguments.question, audio=arguments.audio)
            print(f"\nReport: {arguments.out / 'README.md'}")


if __name__ == "__main__":
    main()
