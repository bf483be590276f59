"""The JSON schema of campaign files, for editors (``campaigns/campaign.schema.json``)."""

from __future__ import annotations

import json

from darkroom.campaign.model import Campaign


def schema_text() -> str:
    """The schema as its file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Campaign.model_json_schema(),
        "title": "Darkroom campaign",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
