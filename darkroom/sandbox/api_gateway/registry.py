"""The documents of the REST APIs, and the snapshots of them that deployments are."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from moto.apigateway.models import APIGatewayBackend, apigateway_backends

from darkroom.sandbox.api_gateway.openapi import Api


@dataclass
class RestApi:
    """One API: where it is in moto, what its document says now, and what it said when deployed."""

    account_id: str
    region: str
    current: Api
    deployments: dict[str, Api] = field(default_factory=dict)

    @property
    def backend(self) -> APIGatewayBackend:
        """moto's API Gateway of the API's account and region."""
        return apigateway_backends[self.account_id][self.region]


class Registry:
    """The APIs that have a document."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apis: dict[str, RestApi] = {}

    def put(self, api_id: str, account_id: str, region: str, document: Api) -> None:
        """Set what an API's document says; deployments keep what they had."""
        with self._lock:
            known = self._apis.get(api_id)
            if known is None:
                self._apis[api_id] = RestApi(account_id, region, document)
            else:
                known.current = document

    def deploy(self, api_id: str, deployment_id: str) -> None:
        """Take the snapshot of a new deployment.

        Raises:
            ValueError: the API was not made from a document.
        """
        api = self.find(api_id)
        if api is None:
            raise ValueError(
                f"REST API {api_id} has no Body: the local AWS serves APIs made from an OpenAPI Body"
            )
        api.deployments[deployment_id] = api.current

    def find(self, api_id: str) -> RestApi | None:
        """The API of an id."""
        return self._apis.get(api_id)

    def remove(self, api_id: str) -> None:
        """Forget an API."""
        with self._lock:
            self._apis.pop(api_id, None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._apis.clear()


REGISTRY = Registry()
"""One process plays one AWS; CloudFormation's handlers reach it here."""
