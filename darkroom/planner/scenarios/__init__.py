"""The scenarios of docs/scaling.md: a campaign, traffic profiles, and what runs them."""
