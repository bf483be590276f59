"""``python -m darkroom.campaign``: ``schema`` writes campaigns/campaign.schema.json, ``check`` reads all."""

from __future__ import annotations

import argparse
import sys

from darkroom.campaign.loading import Sources, load_campaigns
from darkroom.campaign.problem import CampaignError
from darkroom.campaign.schema import schema_text


def main() -> int:
    """Run the command of the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m darkroom.campaign", description=__doc__)
    parser.add_argument("command", choices=["schema", "check"])
    command = parser.parse_args().command
    sources = Sources()
    if command == "schema":
        (sources.campaigns / "campaign.schema.json").write_text(schema_text(), encoding="utf-8")
        return 0
    try:
        campaigns = load_campaigns(sources)
    except CampaignError as error:
        print(error, file=sys.stderr)
        return 1
    for campaign in campaigns:
        account, region = campaign.file.environment.account, campaign.file.environment.region
        print(f"{campaign.name}: {campaign.recipe.name} in {account}/{region}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
