"""Measure speed and memory: training steps, separation, data loading, the fast SDR and BSSEval.

    python experiments/benchmark.py
    python experiments/benchmark.py step data --rounds 20 --out benchmark.json

Prints one Markdown table per section:

    step            Demucs' plain training step, against the package demucs
    systems         every generator's plain training step, against torchaudio and openunmix
    hybrids         Hybrid Demucs' and HT Demucs' plain step, against the package demucs 4.1.0
    context         HT Demucs' plain step over segment, layers and width, dense and sparse
    gan_step        the step with discriminators against the plain one
    discriminators  the same for each discriminator and training switch
    losses          the small Demucs' step with each loss against that with l1_time
    separation      whole songs: seconds, and memory that must not grow with the song
    package_separation  a song of a minute, against the package demucs 4.1.0
    data            reading segments from files
    sdr             the fast SDR against museval
    bss_eval        the native BSSEval against museval

For the comparisons with other packages, install demucs==2.0.3 and openunmix==1.3.0 beside this one,
for hybrids and package_separation demucs==4.1.0 instead.
"""

import json

from benchmarks.sections import SECTIONS, machine
from gan_sep.programs import clear_errors, count, device, output_file, program
from gan_sep.runs import write_text


def main() -> None:
    parser = program(__doc__)
    known = ", ".join(SECTIONS)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{known} (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all?")
    parser.add_argument("--rounds", type=count, default=10, help="turns of each contender")
    parser.add_argument("--device", type=device, default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=output_file, help="JSON file for the same tables")
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        unknown = set(arguments.sections) - set(SECTIONS)
        if unknown:
            raise ValueError(f"section: expected some of {known}, got {', '.join(sorted(unknown))}")
        print(f"{machine(arguments.device)}\n", flush=True)
        results = {}
        for name in arguments.sections or SECTIONS:
            table = SECTIONS[name](arguments.quick, arguments.rounds, arguments.device)
            print(table.markdown(), flush=True)
            results[name] = {"title": table.title, "rows": table.rows, "remark": table.remark}
        if arguments.out:
            content = {"machine": machine(arguments.device), "sections": results}
            write_text(arguments.out, json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
