"""Export a trained arm: OUT/NAME.safetensors with its configuration, and OUT/NAME.yaml.

    python experiments/export.py runs/demo/seed0-gan --out exports

`gan_sep.load_separator`, separate.py and `start.file` read the folder and the file. Networks of
Hybrid Demucs and HT Demucs are readable by the package demucs as well. A `.th` file of that package
becomes one of safetensors in the same way.
"""

from pathlib import Path

from gan_sep.names import plain_name
from gan_sep.programs import add_trust, clear_errors, program
from gan_sep.published.bags import read_single
from gan_sep.published.write import export


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("model", type=Path, help="a run's folder, or a file of weights")
    parser.add_argument("--out", type=Path, default=Path("exports"), help="folder to write to")
    parser.add_argument("--name", help="of the files; by default from the model's")
    add_trust(parser)
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        path = arguments.model.resolve()
        default = f"{path.parent.name}-{path.name}" if path.is_dir() else path.stem
        name = plain_name(default if arguments.name is None else arguments.name, "--name")
        for written in export(
            read_single(arguments.model, arguments.trust_module), arguments.out, name
        ):
            print(written)


if __name__ == "__main__":
    main()
