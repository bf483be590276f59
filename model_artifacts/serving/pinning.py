"""Which NeuronCores this worker may take: the Neuron runtime's environment against the recipe.

Without it the runtime takes every core of the instance for the first process that asks, and the other
workers find none (aws-neuron-sdk, neuron-runtime/nrt-configurable-parameters).
"""

from collections.abc import Mapping

VISIBLE_CORES = "NEURON_RT_VISIBLE_CORES"
NUMBER_OF_CORES = "NEURON_RT_NUM_CORES"


class PinningError(Exception):
    """The environment gives this worker other cores than its model was compiled for."""


def check_pinning(cores: int, environment: Mapping[str, str]) -> None:
    """Check that the environment gives a worker exactly ``cores`` NeuronCores.

    The runtime reads it once, when the first part is loaded: setting it is the container's part.

    Raises:
        PinningError: it gives more, fewer, or leaves it open; the text says what to set.
    """
    # The runtime prefers the first where both are set.
    for name, count in ((VISIBLE_CORES, _count_visible), (NUMBER_OF_CORES, _count_number)):
        value = environment.get(name, "").strip()
        if not value:
            continue
        given = count(value)
        if given != cores:
            meaning = "is no such number" if given is None else f"gives it {given}"
            raise PinningError(
                f"this model needs {cores} NeuronCore(s) a worker, {name}={value!r:.40} {meaning}: "
                f"set {NUMBER_OF_CORES}={cores} in the container's environment"
            )
        return
    raise PinningError(
        f"a worker must be pinned to its {cores} NeuronCore(s) before the Neuron runtime starts: "
        f"set {NUMBER_OF_CORES}={cores} in the container's environment"
    )


def _count_number(value: str) -> int | None:
    return int(value) if value.isdecimal() else None


def _count_visible(value: str) -> int | None:
    """Cores of a list of numbers and inclusive ranges, such as 0-1 or 0,2-3."""
    cores: set[int] = set()
    for entry in value.split(","):
        first, dash, last = entry.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return None
        cores.update(range(int(first), int(last if dash else first) + 1))
    return len(cores)
