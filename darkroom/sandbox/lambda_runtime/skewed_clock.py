"""AWS's runtime client in a process whose clock is off by some seconds.

Run as a script in the place of ``python -m awslambdaric``: SECONDS HANDLER. What asks ``time.time`` is off,
the functions' own times and the remaining time among them. What asks ``datetime`` is not (signatures of
requests).
"""

import runpy
import sys
import time


def skew(seconds: float) -> None:
    """Set this process's ``time.time`` ahead by ``seconds``."""
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + seconds
    time.time_ns = lambda: right_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    skew(float(sys.argv[1]))
    # As `python -S -m` has it: the script's own folder is no place to import from.
    del sys.path[0]
    sys.argv = ["awslambdaric", *sys.argv[2:]]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
