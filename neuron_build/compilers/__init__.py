"""What makes a part of a module: one signature, chosen by name. Nothing heavy is imported by looking one up."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import torch

NAMES = ("cpu", "neuron")


class CompilerError(Exception):
    """A compiler that can't be used as asked; the message says what to do."""


class Compiler(Protocol):
    """What a module of this package defines. Only compile_part imports torch."""

    # What must be in the environment before torch, and what it is compiled with, are imported.
    ENVIRONMENT: Mapping[str, str]

    def versions(self) -> dict[str, str]:
        """The compiler's own packages and their versions.

        Raises:
            CompilerError: one is not installed; the message says what to install.
        """

    def arguments(self, recipe: Sequence[str], target: str | None) -> tuple[str, ...]:
        """The arguments a part is compiled with: the recipe's, and for a target that is not this machine.

        Raises:
            CompilerError: this compiler has no such target.
        """

    def compile_part(
        self,
        module: "torch.nn.Module",
        inputs: tuple["torch.Tensor", ...],
        *,
        arguments: Sequence[str],
        workdir: Path,
    ) -> "torch.jit.ScriptModule":
        """Compile a module for inputs of exactly these shapes and types.

        Args:
            arguments: what `arguments` gave.
            workdir: an empty folder for the compiler's own files.
        """


def compiler(name: str) -> Compiler:
    """The compiler of a name.

    Raises:
        CompilerError: there is none of this name.
    """
    if name not in NAMES:
        raise CompilerError(f"no compiler {name!r}; there is: {', '.join(NAMES)}")
    return cast(Compiler, importlib.import_module(f"neuron_build.compilers.{name}"))
