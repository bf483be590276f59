"""Whether this container is new enough for a bundle.

TorchScript and NEFF files are read by what wrote them and by later versions; what an older one makes of them
is an error far from its cause, or worse. So the minor versions of the packages in question are compared
before anything is loaded.
"""

import re
from collections.abc import Callable, Mapping
from importlib import metadata

from serving.bundle import BundleError

# The packages whose files a bundle holds: TorchScript, Neuron's operators in it, and NEFF.
READERS = ("torch", "torch-neuronx", "neuronx-cc")


def installed_version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_versions(
    made_with: Mapping[str, str], installed: Callable[[str], str | None] = installed_version
) -> None:
    """Compare the versions in a bundle's manifest with those that are installed, as far as both are known.

    Raises:
        BundleError: the bundle was made with a later minor version; every such package is named.
    """
    problems = []
    for package in READERS:
        here, there = installed(package), made_with.get(package)
        if here and there and _minor(there) > _minor(here):
            problems.append(f"{package} {there}, here is {here}")
    if problems:
        raise BundleError(
            "the bundle was compiled with newer software than this container has: "
            + "; ".join(problems)
            + ". Compile it with the container's versions, or serve it in a newer container"
        )


def _minor(version: str) -> tuple[int, ...]:
    """Major and minor number; () of what has none, which is older than everything."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return tuple(int(number) for number in numbers.groups()) if numbers else ()
