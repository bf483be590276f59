"""The tags of what campaigns are made of, as stacks/campaign_stage.py and stacks/data_stack.py set them."""

CAMPAIGN = "darkroom:campaign"
"""On everything: whose it is."""

HOLDS = "darkroom:holds"
"""On what ``retention: keep`` keeps: what it is to the campaign."""
