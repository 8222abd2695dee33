"""LAUNCHER LINE: wait until the process LAUNCHER has ended, then write LINE to standard error.

Accelerate and torchrun print a traceback of their own after a worker's error, which would hide what
the worker said. Run as a file, by any worker that ends; the first one of a launcher speaks. Linux.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys

LONGEST_SECONDS = 60  # a launcher gives its other workers 30 s to end


def say_after(launcher: int, line: str) -> None:
    """Start this file as a process that outlives its parent."""
    command = [sys.executable, "-S", __file__, str(launcher), line]
    subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )


def main() -> None:
    launcher, line = int(sys.argv[1]), sys.argv[2]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as first:
        first.bind(f"\0gan_sep-{launcher}")  # refused where another worker waits already
        if select.select([os.pidfd_open(launcher)], [], [], LONGEST_SECONDS)[0]:
            print(f"\n{line}", file=sys.stderr)


if __name__ == "__main__":
    main()
