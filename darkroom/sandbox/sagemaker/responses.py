"""The SageMaker API's operations on hosting, and the runtime's."""

from __future__ import annotations

import json
import uuid
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.sagemaker import training
from darkroom.sandbox.sagemaker.backend import SageMakerBackend, deployment_of
from darkroom.sandbox.sagemaker.backlog import InferenceRequest
from darkroom.sandbox.sagemaker.endpoint import Endpoint, EndpointStatus
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, split_uri
from darkroom.sandbox.sagemaker.validation import service_model, violations

Response = tuple[int, dict[str, str], str]

# moto would also record pipelines, notebooks and the like, which nothing here would run.
_PLAYED = frozenset(
    {
        *(
            f"{verb}{thing}"
            for thing in ("Model", "EndpointConfig", "Endpoint")
            for verb in ("Create", "Describe", "Delete")
        ),
        "ListModels",
        "ListEndpointConfigs",
        "ListEndpoints",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
        "AddTags",
        "DeleteTags",
        "ListTags",
        *training.PLAYED,
    }
)

# An endpoint takes requests as long as it exists in service, whatever is being changed on it.
_ACCEPTING = frozenset({EndpointStatus.IN_SERVICE, EndpointStatus.UPDATING, EndpointStatus.ROLLING_BACK})


def backend(account_id: str, region: str) -> SageMakerBackend:
    """The sandbox's SageMaker in an account and region."""
    found = sagemaker_backends[account_id][region]
    assert isinstance(found, SageMakerBackend)  # noqa: S101 - install() saw to it
    return found


class SageMakerApi(training.TrainingApi, SageMakerResponse):
    """moto's dispatch with the operations that the sandbox plays itself."""

    def call_action(self) -> Any:
        """Answer an operation on hosting or training jobs; any other is refused by name."""
        action = self._get_action()
        if action not in _PLAYED:
            raise NotImplementedError(f"of SageMaker it plays hosting and training jobs alone, not {action}")
        return super().call_action()

    @property
    def _hosting(self) -> SageMakerBackend:
        return backend(self.current_account, self.region)

    @property
    def training(self) -> training.TrainingJobs:
        """The training jobs of the request's account and region."""
        return self._hosting.training

    def create_model(self) -> ActionResult:
        """CreateModel."""
        return ActionResult({"ModelArn": self._hosting.create_model_from(self._request()).arn})

    def create_endpoint_config(self) -> ActionResult:
        """CreateEndpointConfig."""
        record = self._hosting.create_endpoint_config_from(self._request())
        return ActionResult({"EndpointConfigArn": record.endpoint_config_arn})

    def create_endpoint(self) -> ActionResult:
        """CreateEndpoint."""
        self._check("CreateEndpoint")
        deployment_of(self._request())  # kept for later updates on AWS; here it must at least be playable
        return super().create_endpoint()

    def update_endpoint(self) -> ActionResult:
        """UpdateEndpoint."""
        return ActionResult({"EndpointArn": self._hosting.update_endpoint_from(self._request())})

    def update_endpoint_weights_and_capacities(self) -> ActionResult:
        """UpdateEndpointWeightsAndCapacities."""
        self._check("UpdateEndpointWeightsAndCapacities")
        return super().update_endpoint_weights_and_capacities()

    def _request(self) -> dict[str, Any]:
        # Plain dicts: moto's parser gives a subclass that also answers to other spellings of a key.
        request: dict[str, Any] = json.loads(json.dumps(self._get_params()))
        return request

    def _check(self, operation: str) -> None:
        if wrong := violations("sagemaker", operation, self._request()):
            raise AWSValidationException(wrong)


class SageMakerRuntimeApi(SageMakerRuntimeResponse):
    """The runtime: asynchronous invocations are queued, synchronous ones refused."""

    use_raw_body = True

    def invoke_endpoint(self) -> Response:
        """InvokeEndpoint: every endpoint here is asynchronous."""
        name = self._endpoint().name
        raise _invalid(
            f"Endpoint {name} is an asynchronous inference endpoint and does not support InvokeEndpoint. "
            "Use InvokeEndpointAsync."
        )

    def invoke_endpoint_async(self) -> Response:
        """InvokeEndpointAsync: 202 with the places where the answer will be."""
        request = self._request()
        endpoint = self._endpoint()
        output_location, failure_location, output = endpoint.locations(
            request.get("S3OutputPathExtension"), request.get("Filename")
        )
        accepted = InferenceRequest(
            inference_id=request.get("InferenceId") or str(uuid.uuid4()),
            input_location=request.get("InputLocation"),
            body=request.get("Body"),
            content_type=request.get("ContentType"),
            accept=request.get("Accept"),
            output_location=output_location,
            failure_location=failure_location,
            output=output,
            received=sandbox.current().clock.now(),
            ttl=request.get("RequestTTLSeconds", InferenceRequest.ttl),
            timeout=request.get("InvocationTimeoutSeconds", InferenceRequest.timeout),
        )
        endpoint.submit(accepted)
        headers = {"status": "202", "X-Amzn-SageMaker-OutputLocation": output_location}
        if failure_location is not None:
            headers["X-Amzn-SageMaker-FailureLocation"] = failure_location
        return 202, headers, json.dumps({"InferenceId": accepted.inference_id})

    def _endpoint(self) -> Endpoint:
        name = self.path.split("/")[2]
        endpoint = backend(self.current_account, self.region).find(name)
        if endpoint is None:
            raise _invalid(f"Endpoint {name} of account {self.current_account} not found.")
        if endpoint.status not in _ACCEPTING:
            raise _invalid(
                f"Endpoint {name} of account {self.current_account} is {endpoint.status}: "
                "it takes requests when it is InService."
            )
        return endpoint

    def _request(self) -> dict[str, Any]:
        """The request by the names of the API's model, checked."""
        shape = service_model("sagemaker-runtime").operation_model("InvokeEndpointAsync").input_shape
        request: dict[str, Any] = {"EndpointName": self.path.split("/")[2]}
        for name, member in shape.members.items():
            sent = self.headers.get(member.serialization.get("name", ""))
            if member.serialization.get("location") == "header" and sent is not None:
                request[name] = _number(name, sent) if member.type_name == "integer" else sent
        if self.raw_body:
            request["Body"] = self.raw_body
        if wrong := violations("sagemaker-runtime", "InvokeEndpointAsync", request):
            raise _invalid(wrong)
        if ("Body" in request) == ("InputLocation" in request):
            raise _invalid("Provide exactly one of Body and InputLocation.")
        if "InputLocation" in request:
            _require_object(request["InputLocation"])
        return request


def _require_object(location: str) -> None:
    try:
        split_uri(location)
    except ObjectError as error:
        raise _invalid(f"InputLocation: {error}") from error


def _number(name: str, sent: str) -> int:
    try:
        return int(sent)
    except ValueError as error:
        raise _invalid(f"{name} is {sent!r}: give a whole number of seconds") from error


def _invalid(message: str) -> JsonRESTError:
    return JsonRESTError("ValidationError", message)
