"""``python -m darkroom.campaign`` writes campaigns/campaign.schema.json anew."""

from __future__ import annotations

from darkroom.campaign.loading import Sources
from darkroom.campaign.schema import schema_text

if __name__ == "__main__":
    (Sources().campaigns / "campaign.schema.json").write_text(schema_text(), encoding="utf-8")
