"""Print the reference of all configuration keys as Markdown, or a file with all its defaults.

python experiments/configuration.py > docs/configuration.md
python experiments/configuration.py --config configs/demo.yaml training.steps=10
"""

from pathlib import Path

import yaml

from gan_sep.config.document import reference
from gan_sep.config.loader import load, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.programs import clear_errors, program
from gan_sep.studies.settings import StudySettings


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--config", type=Path, help="print this file as it is read, defaults too")
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    arguments = parser.parse_intermixed_args()
    if arguments.overrides and arguments.config is None:
        parser.error(f"{arguments.overrides[0]}: expected --config beside it, which it changes")
    with clear_errors(arguments.traceback):
        if arguments.config is None:
            print(reference({"A run": RunConfig, "A study": StudySettings}), end="")
        else:
            config = load(RunConfig, arguments.config, arguments.overrides)
            print(yaml.safe_dump(to_dict(config), sort_keys=False), end="")


if __name__ == "__main__":
    main()
