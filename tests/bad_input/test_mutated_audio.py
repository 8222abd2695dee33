"""300 mutated heads and bodies of audio files: read or refused, without crash or large buffer."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE, SECONDS, MUTANTS = 44100, 2, 75
# Of 0.7 MB decoded; libraries and the interpreter take some on the way.
MOST_MORE_MIB = 32

READ_ALL = """
import resource, sys
from pathlib import Path
from gan_sep import audio
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
first, *paths = map(Path, sys.argv[1:])
list(audio.blocks(first))
before, read = peak(), 0
for path in paths:
    print(path.name, file=sys.stderr)
    try:
        list(audio.blocks(path))
        read += 1
    except (ValueError, OSError) as error:
        assert str(path) in str(error) and "\\n" not in str(error), error
print(read, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_mutated_files_are_read_or_refused(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    rng = np.random.default_rng(0)
    soundfile.write(whole, rng.standard_normal((RATE * SECONDS, 2)) * 0.1, RATE)
    content, draw, paths = whole.read_bytes(), random.Random(0), []
    for number in range(MUTANTS):
        mutant = bytearray(content)
        # Half of them in the head, where lengths and rates stand.
        end = 64 if number % 2 else len(mutant)
        for _ in range(draw.randint(1, 8)):
            mutant[draw.randrange(end)] = draw.randrange(256)
        if number % 5 == 0:
            del mutant[draw.randrange(len(mutant)) :]
        paths.append(tmp_path / f"{number}.{suffix}")
        paths[-1].write_bytes(mutant)
    ended = subprocess.run(
        [sys.executable, "-c", READ_ALL, whole, *paths], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    read, more_mib = map(float, ended.stdout.split())
    assert 0 < read < MUTANTS
    assert more_mib < MOST_MORE_MIB
