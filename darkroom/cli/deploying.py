"""Commands before a deployment: take over what an earlier one kept, and check that it will go through."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from darkroom.cli.application import app, told
from darkroom.cli.options import Campaign, CampaignsFolder

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@app.command()
def adopt(
    campaign: Campaign,
    key: Annotated[
        str | None, typer.Option(help="The KMS key of what to adopt, if several deployments kept something.")
    ] = None,
    campaigns: CampaignsFolder = None,
) -> None:
    """Let the next cdk deploy take over the pictures, jobs and key that retention: keep has kept."""
    from darkroom.operations.adopting import AdoptionError
    from darkroom.operations.adopting import adopt as adopt_kept
    from darkroom.planner.problem import PlanError

    with told(AdoptionError, PlanError):
        adopt_kept(campaign, typer.echo, key=key, campaigns=campaigns)
    typer.echo(f"Adopted into {campaign}-data. Now: cdk deploy '{campaign}/*'")


@app.command()
def preflight(
    campaign: Campaign,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    campaigns: CampaignsFolder = None,
) -> None:
    """Check the account before a deployment: quotas, image, bundle, names, money; exit 1 on a problem."""
    import boto3
    from pydantic import TypeAdapter

    from darkroom.campaign import CampaignError
    from darkroom.operations.preflight import Finding, situation_of
    from darkroom.operations.preflight import preflight as look
    from darkroom.operations.preflight.run import stops
    from darkroom.planner.problem import PlanError

    with told(CampaignError, PlanError):
        findings = look(situation_of(campaign, boto3.Session(), campaigns))
    if json:
        typer.echo(TypeAdapter(list[Finding]).dump_json(findings, indent=2).decode())
    else:
        console = Console(soft_wrap=True)
        for one in findings:
            mark = f"[{_STYLES[one.state]}]{one.state:<7}[/]"
            console.print(f"{mark}  {escape(one.subject)}: {escape(one.found)}", highlight=False)
            if one.do:
                console.print(f"         -> {escape(one.do)}", highlight=False)
    raise typer.Exit(1 if stops(findings) else 0)
