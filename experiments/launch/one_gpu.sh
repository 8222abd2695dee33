#!/usr/bin/env bash
# One GPU: experiments/launch/one_gpu.sh --config configs/musdb18/demucs_32.yaml data.root=FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
exec accelerate launch --config_file configs/accelerate/one_gpu.yaml experiments/train_gan.py "$@"
