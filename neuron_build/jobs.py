"""How many parts to compile at once when nobody says."""

import os


def default_jobs() -> int:
    """One for each processor this process may use; memory is looked at where they are started."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
