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
from darkroom.sandbox.sagemaker.model_errors import error_response, model_error
from darkroom.sandbox.sagemaker.realtime import Call, NoAnswerError, NoCapacityError
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, split_uri
from darkroom.sandbox.sagemaker.validation import service_model, violations
from darkroom.sandbox.sagemaker.worker import Answer

Response = tuple[int, dict[str, str], str]
RuntimeResponse = tuple[int, dict[str, str], str | bytes]

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

# Members of InvokeEndpoint that choose among what the sandbox has one of, or none.
_UNPLAYED_OF_A_CALL = frozenset(
    {
        "EnableExplanations",
        "InferenceComponentName",
        "PrefixAwareId",
        "SessionId",
        "TargetContainerHostname",
        "TargetModel",
        "TargetVariant",
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
    """The runtime: an asynchronous endpoint queues, a realtime one answers; each refuses the other's call."""

    use_raw_body = True

    def invoke_endpoint(self) -> RuntimeResponse:
        """InvokeEndpoint: the model's answer, or 424 with what it said."""
        request = self._request("InvokeEndpoint")
        endpoint = self._endpoint()
        if endpoint.config.output is not None:
            raise _wrong_mode(endpoint, "ASYNC")
        for name in _UNPLAYED_OF_A_CALL & request.keys():
            raise _invalid(f"The Darkroom sandbox does not play {name} of InvokeEndpoint.")
        call = Call(
            request.get("InferenceId"),
            request.get("Body") or b"",
            request.get("ContentType"),
            request.get("Accept"),
        )
        try:
            answer = endpoint.call(call)
        except NoCapacityError as error:
            return error_response(503, "ServiceUnavailable", {"Message": str(error)})
        except NoAnswerError as error:
            return model_error(endpoint, Answer(0, "text/plain", str(error).encode()))
        if answer.status != 200:
            return model_error(endpoint, answer)
        headers = {
            "Content-Type": answer.content_type,
            "x-Amzn-Invoked-Production-Variant": endpoint.config.variant.name,
        }
        return 200, headers, answer.body

    def invoke_endpoint_async(self) -> Response:
        """InvokeEndpointAsync: 202 with the places where the answer will be."""
        request = self._request("InvokeEndpointAsync")
        endpoint = self._endpoint()
        if endpoint.config.output is None:
            raise _wrong_mode(endpoint, "REALTIME")
        if ("Body" in request) == ("InputLocation" in request):
            raise _invalid("Provide exactly one of Body and InputLocation.")
        if "InputLocation" in request:
            _require_object(request["InputLocation"])
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

    def _request(self, operation: str) -> dict[str, Any]:
        """The request by the names of the API's model, checked."""
        shape = service_model("sagemaker-runtime").operation_model(operation).input_shape
        request: dict[str, Any] = {"EndpointName": self.path.split("/")[2]}
        for name, member in shape.members.items():
            sent = self.headers.get(member.serialization.get("name", ""))
            if member.serialization.get("location") == "header" and sent is not None:
                request[name] = _number(name, sent) if member.type_name == "integer" else sent
        if self.raw_body:
            request["Body"] = self.raw_body
        if wrong := violations("sagemaker-runtime", operation, request):
            raise _invalid(wrong)
        return request


def _wrong_mode(endpoint: Endpoint, mode: str) -> JsonRESTError:
    return _invalid(f"Endpoint {endpoint.name} of type {mode} does not support this inference type.")


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
