"""The operations on guardrails."""

from __future__ import annotations

import json
import secrets
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.utilities.utils import get_partition

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.bedrock.guardrail import Guardrail, GuardrailBackend, Policy, guardrail_backends
from darkroom.sandbox.modelled_errors import modelled_error
from darkroom.sandbox.sagemaker.validation import violations

DRAFT = "DRAFT"
# "A text unit can contain up to 1000 characters" (Amazon Bedrock pricing, Guardrails).
_UNIT = 1000
_UNITS = (
    "topicPolicyUnits",
    "contentPolicyUnits",
    "wordPolicyUnits",
    "sensitiveInformationPolicyUnits",
    "sensitiveInformationPolicyFreeUnits",
    "contextualGroundingPolicyUnits",
)


class _Api(BaseResponse):
    """What both services share: a checked request, and the guardrails of its account and region."""

    def __init__(self, service: str) -> None:
        super().__init__(service_name=service)
        self.automated_parameter_parsing = True

    @property
    def _backend(self) -> GuardrailBackend:
        found: GuardrailBackend = guardrail_backends[self.current_account][self.region]
        return found

    def _request(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(json.dumps(self._get_params()))
        if wrong := violations(self.boto3_service_name, self._get_action(), request):
            raise modelled_error(self.boto3_service_name, "ValidationException", wrong)
        return request


class GuardrailApi(_Api):
    """Bedrock's own API."""

    def __init__(self) -> None:
        super().__init__("bedrock")

    def create_guardrail(self) -> ActionResult:
        """CreateGuardrail: a draft."""
        request = self._request()
        policy = Policy.of(request)
        if any(one.name == request["name"] for one in self._backend.guardrails.values()):
            raise modelled_error(
                "bedrock", "ConflictException", f"Another guardrail is named {request['name']}."
            )
        id = secrets.token_hex(6)
        place = f"{get_partition(self.region)}:bedrock:{self.region}:{self.current_account}"
        made = Guardrail(
            id,
            f"arn:{place}:guardrail/{id}",
            request["name"],
            sandbox.current().clock.now(),
            request,
            {DRAFT: policy},
        )
        self._backend.guardrails[id] = made
        return ActionResult(
            {"guardrailId": id, "guardrailArn": made.arn, "version": DRAFT, "createdAt": made.created}
        )

    def create_guardrail_version(self) -> ActionResult:
        """CreateGuardrailVersion: the draft under a number."""
        found = self._backend.find(self._request()["guardrailIdentifier"])
        version = str(len(found.versions))
        found.versions[version] = found.versions[DRAFT]
        return ActionResult({"guardrailId": found.id, "version": version})

    def get_guardrail(self) -> ActionResult:
        """GetGuardrail."""
        request = self._request()
        version = request.get("guardrailVersion") or DRAFT
        policy = self._backend.policy(request["guardrailIdentifier"], version)
        found = self._backend.find(request["guardrailIdentifier"])
        answer: dict[str, Any] = {
            **self._summary(found, version),
            "guardrailId": found.id,
            "guardrailArn": found.arn,
            "blockedInputMessaging": policy.message,
            "blockedOutputsMessaging": found.request["blockedOutputsMessaging"],
        }
        if policy.words:
            answer["wordPolicy"] = {"words": [{"text": word} for word in policy.words]}
        return ActionResult(answer)

    def list_guardrails(self) -> ActionResult:
        """ListGuardrails: the draft of each."""
        every = self._backend.guardrails.values()
        return ActionResult(
            {"guardrails": [{"id": one.id, "arn": one.arn, **self._summary(one, DRAFT)} for one in every]}
        )

    def delete_guardrail(self) -> ActionResult:
        """DeleteGuardrail: one version, or all of it."""
        request = self._request()
        found = self._backend.find(request["guardrailIdentifier"])
        if version := request.get("guardrailVersion"):
            self._backend.policy(found.id, version)
            del found.versions[version]
        else:
            del self._backend.guardrails[found.id]
        return ActionResult({})

    @staticmethod
    def _summary(found: Guardrail, version: str) -> dict[str, Any]:
        times = {"createdAt": found.created, "updatedAt": found.created}
        return {"name": found.name, "version": version, "status": "READY", **times}


class GuardrailRuntimeApi(_Api):
    """The runtime's API."""

    def __init__(self) -> None:
        super().__init__("bedrock-runtime")

    def apply_guardrail(self) -> ActionResult:
        """ApplyGuardrail: what the guardrail finds in the texts, of whichever source."""
        request = self._request()
        if sandbox.current().faults.take("fail_guardrails"):
            raise modelled_error(
                "bedrock-runtime", "ServiceUnavailableException", "The service is not there for now."
            )
        policy = self._backend.policy(request["guardrailIdentifier"], request["guardrailVersion"])
        if any("image" in block for block in request["content"]):
            raise NotImplementedError("guardrails look at texts, not at images")
        texts = [block["text"]["text"] for block in request["content"]]
        assessments = [found for found in map(policy.assess, texts) if found]
        units = sum(-(-len(text) // _UNIT) for text in texts)
        return ActionResult(
            {
                "usage": dict.fromkeys(_UNITS, 0) | {"wordPolicyUnits": units},
                "action": "GUARDRAIL_INTERVENED" if assessments else "NONE",
                "outputs": [{"text": policy.message}] if assessments else [],
                "assessments": assessments,
            }
        )
