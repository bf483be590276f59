"""What the campaign does not draw, and does not show (docs/moderation.md).

A prompt is looked at before a job is begun: by the campaign's words and patterns each time, by a Bedrock
guardrail where nothing is cached. A picture is looked at by Rekognition before its job is done. What can't
be looked at is neither drawn nor shown.

The prompt is what is looked at, not the negative prompt: with a guidance scale above 1 the model moves away
from what the negative prompt says, and with 1 or less it does not read it (serving/pipeline.py). Words that
are blocked are just what it is for.
"""
