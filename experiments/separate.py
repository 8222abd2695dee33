"""Separate songs with a trained arm: SONG -> OUT/SONG/SOURCE.wav.

    python experiments/separate.py runs/demo/seed0-gan song.wav other.mp3 --out separated

Instead of a run's folder, an export, a file of the package demucs (.th, .safetensors), a bag
(.yaml), a folder of these or hf://owner/name. Reads wav, flac, ogg and mp3 at any rate; writes
32-bit float wav at the separator's own rate.
"""

from pathlib import Path
from typing import Any

import torch

from gan_sep import audio
from gan_sep.config.bounded import parse_yaml
from gan_sep.locks import alone_in
from gan_sep.names import plain_name
from gan_sep.programs import add_trust, clear_errors, device, program
from gan_sep.separator import load_separator


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("model", type=Path, help="a run's folder, runs/NAME/seedN-ARM, or a file")
    parser.add_argument("songs", type=Path, nargs="+", metavar="song")
    parser.add_argument("--out", type=Path, default=Path("separated"), help="folder to write to")
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", type=device, default=default, help=f"default here: {default}")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", dest="changes",
                        help="keys of `evaluation`: shifts=2 overlap=0.5")  # fmt: skip
    add_trust(parser)
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        require_distinct_names(arguments.songs)
        separator = load_separator(
            arguments.model,
            arguments.device,
            evaluation_changes(arguments.changes),
            arguments.trust_module,
        )
        rate, channels = separator.audio.sample_rate, separator.audio.channels
        for song in arguments.songs:
            mixture = audio.read(song, rate, channels)  # (C, T)
            folder = arguments.out / song.stem
            with alone_in(folder):
                try:
                    estimates = separator.separate(mixture, rate, progress=True)
                except ValueError as error:
                    raise ValueError(f"{song}: {error}") from error
                for source, estimate in estimates.items():
                    audio.write(folder / f"{source}.wav", estimate, rate, subtype="FLOAT")
                    print(folder / f"{source}.wav")


def evaluation_changes(texts: list[str]) -> dict[str, Any]:
    """KEY=VALUE of `evaluation`. Raises ValueError where one is not of this form."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise ValueError(f"--set: expected KEY=VALUE, got {wrong[0]}")
    return {key: parse_yaml(value) for key, _, value in pairs}


def require_distinct_names(songs: list[Path]) -> None:
    """ValueError where one song's estimates would replace another's, or leave the folder."""
    names = [plain_name(song.stem, str(song)) for song in songs]
    clashing = [str(song) for song in songs if names.count(song.stem) > 1]
    if clashing:
        raise ValueError(
            f"song: {' and '.join(clashing)} would be written over each other; separate them one "
            "at a time, each with an --out of its own"
        )


if __name__ == "__main__":
    main()
