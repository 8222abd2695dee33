#!/usr/bin/env bash
# What a GPU is asked, in one command of under nine minutes, on a machine without a network that has
# torch, torchaudio, accelerate, einops, matplotlib, tensorboard and pyyaml:
#
#     experiments/benchmarks/gpu.sh [--device cpu] [--quick] [--out FOLDER]
#
# writes FOLDER/gpu.json and FOLDER/gpu.md (reports/gpu by default). What else it needs it takes from
# experiments/benchmarks/wheels, gathered beforehand, where there is a network, by
#
#     experiments/benchmarks/gpu.sh collect [PYTHON VERSION OF THAT MACHINE, 3.12 by default]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wheels=$here/wheels
python=${PYTHON:-python3}

# Package and the module that it brings.
carried=(soundfile=soundfile cffi=cffi pycparser=pycparser scipy=scipy pandas=pandas
    python-dateutil=dateutil tqdm=tqdm jinja2=jinja2 markupsafe=markupsafe
    pytest=pytest iniconfig=iniconfig pluggy=pluggy packaging=packaging pygments=pygments)

if [ "${1:-}" = collect ]; then
    "$python" -m pip download -q --only-binary :all: --no-deps --python-version "${2:-3.12}" \
        --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --dest "$wheels" \
        --constraint "$root/requirements.lock" --constraint "$root/requirements-test.lock" \
        "${carried[@]%%=*}"
    du -sh "$wheels"
    exit
fi

missing=$("$python" - "${carried[@]}" <<'PYTHON'
import importlib.util
import sys

pairs = (carried.split("=") for carried in sys.argv[1:])
print(*(package for package, module in pairs if importlib.util.find_spec(module) is None))
PYTHON
)
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if [ -n "$missing" ]; then
    [ -d "$wheels" ] || { echo "gpu.sh: $missing missing; gather them: $0 collect" >&2; exit 2; }
    # shellcheck disable=SC2086  # one argument per package
    "$python" -m pip install -q --no-index --no-deps --find-links "$wheels" --target "$site" $missing
fi
export PYTHONPATH=$root:$root/experiments:$root/tests:$site PYTHONUNBUFFERED=1
cd "$root"
"$python" -m benchmarks.gpu "$@"
