"""Ends the API keys that `darkroom keys` made: when their grace is over, and all with their stack."""
