"""Train the network of features/tagger.py to tell which stems sound, on a configuration's songs.

    python experiments/tagger.py --config FILE --out tagger.safetensors --steps 1000
    python experiments/train_gan.py --config FILE 'losses=[{name: l2_freq}, {name: deep_feature,
        network: {name: tagger, weights: tagger.safetensors}}]'

It is given sums of random subsets of the stems of one excerpt, and learns which stems sound in
them. What it prints last is measured on the validation songs.
"""

from pathlib import Path

import torch
from safetensors.torch import save

from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.features.tagger import Config
from gan_sep.features.training import accuracy, train
from gan_sep.programs import clear_errors, count, output_file, program
from gan_sep.runs import write_bytes


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--config", type=Path, required=True, help="whose songs")
    parser.add_argument(
        "--out", type=output_file, required=True, help="file of weights, .safetensors"
    )
    parser.add_argument("--steps", type=count, default=1000)
    parser.add_argument("--channels", type=count, default=Config.channels)
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        config = load(RunConfig, arguments.config, arguments.overrides)
        torch.set_num_threads(config.training.threads or torch.get_num_threads())
        tracks = config.data.build(config.audio, "train")
        size = Config(channels=arguments.channels, stems=len(config.audio.sources))
        network = train(size, tracks, config.audio, arguments.steps, config.seed)
        write_bytes(arguments.out, save(network.state_dict()))
        shares = accuracy(network, config.data.build(config.audio, "valid"), config.audio)
        for source, share in zip(config.audio.sources, shares, strict=True):
            print(f"{source}: {share:.0%} right on the validation songs")


if __name__ == "__main__":
    main()
