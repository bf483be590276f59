"""The ``darkroom`` command's root, and how its commands tell what went wrong.

Rooms are imported by the command that needs them: `darkroom check` must not load moto or boto3.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

app = typer.Typer(
    help="Generative-image campaigns on AWS, and on one machine.", no_args_is_help=True, add_completion=False
)


@contextmanager
def told(*errors: type[Exception]) -> Iterator[None]:
    """Print these errors' text to stderr and exit with 1, without a traceback.

    The same with what AWS refused that no room has put into words of its own.
    """
    try:
        yield
    except errors as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        if not _is_of_botocore(error):
            raise
        typer.echo(f"AWS did not answer as it should: {error}", err=True)
        raise typer.Exit(1) from None


def _is_of_botocore(error: Exception) -> bool:
    # Whoever raised it has loaded botocore; a command that never asks AWS must not.
    botocore = sys.modules.get("botocore.exceptions")
    return botocore is not None and isinstance(error, botocore.ClientError | botocore.BotoCoreError)
