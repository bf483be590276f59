"""Bedrock's guardrails: made by its API, and applied to texts by its runtime's."""

from __future__ import annotations

from moto.bedrock import urls
from moto.bedrockruntime import urls as runtime_urls

from darkroom.sandbox.bedrock.api import GuardrailApi, GuardrailRuntimeApi
from darkroom.sandbox.bedrock.guardrail import guardrail_backends
from darkroom.sandbox.context import Context


def install(_context: Context) -> None:
    """Play guardrails, and nothing else of Bedrock; call before the first request."""
    guardrail_backends.clear()
    urls.url_paths.clear()
    urls.url_paths["{0}/.*$"] = GuardrailApi.dispatch
    runtime_urls.url_paths.clear()
    runtime_urls.url_paths["{0}/.*$"] = GuardrailRuntimeApi.dispatch
