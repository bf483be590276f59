"""What stacks export to each other."""

from __future__ import annotations

from collections.abc import Iterable

from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.stack import Stack


def export_values(stacks: Iterable[Stack]) -> dict[str, tuple[str, Stack]]:
    """Value and exporting stack, by export name."""
    return {
        output.export_name: (output.value, stack)
        for stack in stacks
        for output in stack.outputs
        if output.export_name is not None
    }


def refuse_taken_exports(stack: Stack, stacks: Iterable[Stack]) -> None:
    """Refuse exports of ``stack`` that another one of ``stacks`` has already.

    Raises:
        ValidationError: there is such an export.
    """
    taken = export_values(other for other in stacks if other is not stack)
    for output in stack.outputs:
        if output.export_name in taken:
            raise ValidationError(
                message=f"Export with name {output.export_name} is already exported by stack "
                f"{taken[output.export_name][1].name}. "
            )
