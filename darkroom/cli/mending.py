"""Commands that mend a deployed campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from darkroom.cli.application import app, told
from darkroom.cli.options import Campaign

if TYPE_CHECKING:
    from darkroom.operations.dead_letters import DeadLetter


@app.command()
def redrive(
    campaign: Campaign,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what lies in the queue.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete what can't be read, and leave all else; asks first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before --purge.")] = False,
) -> None:
    """Hand what lies in a campaign's dead-letter queue to its functions again; it is safe to repeat."""
    from darkroom.deployed import NotDeployedError
    from darkroom.operations.redrive import RedriveError
    from darkroom.operations.redrive import redrive as run

    if purge and not dry_run and not yes:
        typer.confirm(
            f"Delete every message of {campaign}'s dead-letter queue that can't be read?", abort=True
        )
    with told(NotDeployedError, RedriveError):
        tally = run(campaign, _tell, dry_run=dry_run, purge=purge)
    if not tally.total:
        typer.echo("The dead-letter queue is empty.")
        return
    counts = ", ".join(f"{count} {said}" for said, count in sorted(tally.counts.items()))
    typer.echo(f"{tally.total} messages about {len(tally.jobs)} jobs: {counts}.")


def _tell(letter: DeadLetter, said: str) -> None:
    jobs = " ".join(letter.jobs) or "-"
    typer.echo(f"{letter.sent:%Y-%m-%dT%H:%M:%SZ}  {letter.kind:12}  {said:18}  {jobs}  {letter.why}")
