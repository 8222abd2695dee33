"""What did listeners say? Blind ratings of a report's page, or any study with its sounds.

    python experiments/listening.py anna.json ben.json --rows reports/NAME/rows.csv
    python experiments/listening.py ratings/*.json --rows reports/NAME/rows.csv --out reports/NAME
    python experiments/listening.py --study FOLDER --out correlations

The first two print the mean rating of every arm and source and its difference to plain, with 95 %
intervals over listeners, and Kendall's tau of every metric in the rows with the ratings. Listeners
who rate the hidden reference below 90 in more than 15 % of their trials are named and left out
(ITU-R BS.1534). With --out the tables are also written as listening.md, listening.csv,
listening-metrics.csv and listening.json.

The third says how well each metric of the registry follows the listeners, within songs and over all
sounds, with intervals over songs and listeners and the ceiling of their agreement. FOLDER holds
ratings.csv and sounds/, or ratings of a page, *.json, beside rows.csv. With --out the table is
written as correlations.csv and correlations.md, and the metrics' values as values.csv, from where a
second call takes them.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from gan_sep.listening.analysis import Listening
from gan_sep.listening.correlation import correlations
from gan_sep.listening.ratings import Ratings
from gan_sep.listening.study import SOUND, ListeningStudy
from gan_sep.locks import alone_in
from gan_sep.names import from_cell
from gan_sep.programs import clear_errors, program
from gan_sep.reporting.formats import csv_text
from gan_sep.reporting.listening import (
    correlations_markdown,
    listening_markdown,
    write_listening,
)
from gan_sep.reporting.runs import read_rows
from gan_sep.runs import reading_file, write_text


def main() -> None:
    parser = program(__doc__)
    parser.add_argument(
        "ratings", nargs="*", type=Path, help="JSON of one listener", metavar="JSON"
    )
    parser.add_argument("--rows", type=Path, help="the study's rows.csv")
    parser.add_argument("--study", type=Path, help="folder of a listening study, without JSON")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    parser.add_argument(
        "--keep-all", action="store_true", help="also listeners who miss the hidden reference"
    )
    arguments = parser.parse_args()
    if bool(arguments.study) == bool(arguments.ratings and arguments.rows):
        parser.error("expected ratings of listeners, JSON, with --rows, or --study FOLDER")
    out = arguments.out
    with clear_errors(arguments.traceback), alone_in(out) if out else nullcontext():
        if arguments.study:
            correlate(arguments.study, arguments.out)
        else:
            aggregate(arguments)


def aggregate(arguments: argparse.Namespace) -> None:
    ratings, rows = Ratings.read(arguments.ratings), read_rows(arguments.rows)
    listening = Listening.of(ratings, rows, arguments.keep_all)
    print(listening_markdown(listening), end="")
    if arguments.out:
        write_listening(listening, arguments.out)
        print(f"\nTables: {arguments.out / 'listening.md'}")


def correlate(folder: Path, out: Path | None) -> None:
    kept = out / "values.csv" if out else None
    known = None
    if kept and kept.is_file():
        with reading_file(kept, "values of metrics by song and sound; delete it"):
            table = pd.read_csv(kept, converters=dict.fromkeys(SOUND, from_cell))
            known = table.set_index(SOUND).astype(float)
    study = ListeningStudy.read(folder, known)
    if kept:
        write_text(kept, csv_text(study.values.reset_index()))
    table = correlations(study)
    print(correlations_markdown(table), end="")
    if out:
        write_text(out / "correlations.csv", csv_text(table))
        write_text(out / "correlations.md", correlations_markdown(table))
        print(f"\nTables: {out / 'correlations.md'}")


if __name__ == "__main__":
    main()
