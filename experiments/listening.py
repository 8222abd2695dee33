"""What did listeners say? Aggregate the blind ratings that a report's page saved.

    python experiments/listening.py anna.json ben.json --rows reports/NAME/rows.csv
    python experiments/listening.py ratings/*.json --rows reports/NAME/rows.csv --out reports/NAME

Prints the mean rating of every arm and source and its difference to plain, with 95 % intervals over
listeners, and Kendall's tau of every metric in the rows with the ratings. Listeners who rate the
hidden reference below 90 in more than 15 % of their trials are named and left out (ITU-R BS.1534).
With --out the tables are also written as listening.md, listening.csv, listening-metrics.csv and
listening.json.
"""

from pathlib import Path

from gan_sep.listening.analysis import Listening
from gan_sep.listening.ratings import Ratings
from gan_sep.programs import clear_errors, program
from gan_sep.reporting.listening import listening_markdown, write_listening
from gan_sep.reporting.runs import read_rows


def main() -> None:
    parser = program(__doc__)
    parser.add_argument(
        "ratings", nargs="+", type=Path, help="JSON of one listener", metavar="JSON"
    )
    parser.add_argument("--rows", type=Path, required=True, help="the study's rows.csv")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    parser.add_argument(
        "--keep-all", action="store_true", help="also listeners who miss the hidden reference"
    )
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        ratings, rows = Ratings.read(arguments.ratings), read_rows(arguments.rows)
        listening = Listening.of(ratings, rows, arguments.keep_all)
        print(listening_markdown(listening), end="")
        if arguments.out:
            write_listening(listening, arguments.out)
            print(f"\nTables: {arguments.out / 'listening.md'}")


if __name__ == "__main__":
    main()
