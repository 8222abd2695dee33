#!/usr/bin/env bash
# One node, eight A100, bf16:
#     experiments/launch/8xa100.sh --config configs/musdb18/demucs_v2.yaml data.root=FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
exec accelerate launch --config_file configs/accelerate/8xa100.yaml experiments/train_gan.py "$@"
