"""The types of single fields: durations, names, accounts, regions, zones, mail addresses, tags.

Each refuses a bad value with the rule and with what would be right. pydantic's own numbers, strings
and choices are explained in :mod:`darkroom.campaign.explaining`.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from darkroom.campaign.problem import one_of

EXPLAINED = "explained"
"""The type of the pydantic errors that bring their own rule and expectation in their context."""

DURATION = re.compile(r"^([0-9]{1,9})(s|m|h|d)$")
SECONDS_IN = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def refusal(rule: str, expected: str) -> PydanticCustomError:
    """A pydantic error that says the rule and what would be right."""
    return PydanticCustomError(EXPLAINED, "{rule}", {"rule": rule, "expected": expected})


def duration_text(seconds: int) -> str:
    """Seconds as a campaign file writes them, in the largest unit that fits: 3600 as ``1h``."""
    for unit, length in reversed(SECONDS_IN.items()):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True)
class Duration:
    """Seconds, written as a whole number and a unit: ``60s``, ``5m``, ``2h``, ``7d``."""

    minimum: int
    maximum: int
    source: str

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(duration_text)
        )

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        bounds = f"{duration_text(self.minimum)} to {duration_text(self.maximum)}"
        return {"type": "string", "pattern": DURATION.pattern, "description": f"{bounds}: {self.source}"}

    def parse(self, value: object) -> int:
        """The duration in seconds.

        Raises:
            PydanticCustomError: not a duration, or outside the bounds.
        """
        bounds = f"{duration_text(self.minimum)} to {duration_text(self.maximum)}"
        match = DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise refusal("a duration is a whole number and a unit, s, m, h or d", f"{bounds}, such as 5m")
        seconds = int(match[1]) * SECONDS_IN[match[2]]
        if not self.minimum <= seconds <= self.maximum:
            raise refusal(self.source, bounds)
        return seconds


@dataclass(frozen=True)
class Text:
    """A string that a check accepts, with a JSON schema pattern where one can say it."""

    check: Callable[[str], None]
    pattern: str | None = None

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.checked, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string"} | ({"pattern": self.pattern} if self.pattern else {})

    def checked(self, value: str) -> str:
        self.check(value)
        return value


# The content-named endpoint config is `<campaign>-<12 hex>`, and SageMaker allows 63 characters
# (EndpointConfigName: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}). A stack name starts with a letter. Lower case,
# because the name is also part of bucket names.
CAMPAIGN_NAME = r"^[a-z][a-z0-9-]{0,48}[a-z0-9]$"


def _campaign_name(value: str) -> None:
    if not re.fullmatch(CAMPAIGN_NAME, value):
        raise refusal(
            "the name begins the names of stacks, of the endpoint and of its configs (63 characters at most)",
            "2 to 50 lower-case letters, digits and hyphens, a letter first, no hyphen last, "
            "such as summer-launch",
        )


ACTION_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$"


def _action_name(value: str) -> None:
    if not re.fullmatch(ACTION_NAME, value):
        raise refusal(
            "the name of a scheduled action names it in Application Auto Scaling",
            "1 to 128 letters, digits, hyphens, points and underscores, such as doors-open",
        )


ACCOUNT = r"^[0-9]{12}$"


def _account(value: str) -> None:
    if not re.fullmatch(ACCOUNT, value):
        raise refusal(
            "an AWS account id is 12 digits, in quotes so that YAML keeps leading zeros", '"111122223333"'
        )


@functools.cache
def known_regions() -> tuple[str, ...]:
    """The regions of every partition, as the installed botocore lists them."""
    text = (importlib.resources.files("botocore") / "data" / "partitions.json").read_text()
    regions = {region for partition in json.loads(text)["partitions"] for region in partition["regions"]}
    return tuple(sorted(region for region in regions if not region.endswith("-global")))


def _region(value: str) -> None:
    if value not in known_regions():
        raise refusal("a region that the installed botocore knows", one_of(known_regions(), value))


def _time_zone(value: str) -> None:
    zones = zoneinfo.available_timezones()
    if value not in zones:
        raise refusal("an IANA time zone, as Application Auto Scaling takes them", _zones_near(value, zones))


def _zones_near(value: str, zones: set[str]) -> str:
    near = one_of(sorted(zones), value).split("? ")
    return f"{near[0]}?" if len(near) > 1 else "such as Europe/Amsterdam or UTC"


EMAIL = r"^[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}$"


def _email(value: str) -> None:
    if not re.fullmatch(EMAIL, value):
        raise refusal("a mail address that SNS can send the alarms to", "such as ops@example.com")


TAG_KEY = r"^(?!aws:)[\w .:/=+@-]{1,128}$"
TAG_VALUE = r"^[\w .:/=+@-]{0,256}$"


def _tag_key(value: str) -> None:
    if not re.fullmatch(TAG_KEY, value, re.IGNORECASE):
        raise refusal(
            "a tag key has 1 to 128 letters, digits, spaces and _.:/=+-@, and aws: is reserved",
            "such as team",
        )


def _tag_value(value: str) -> None:
    if not re.fullmatch(TAG_VALUE, value):
        raise refusal("a tag value has at most 256 letters, digits, spaces and _.:/=+-@", "such as marketing")


IMAGE = (
    r"^(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9/._-]+)(:[\w.-]+|@sha256:[0-9a-f]{64})$"
)


def _image(value: str) -> None:
    if not re.fullmatch(IMAGE, value):
        raise refusal(
            "SageMaker takes container images from ECR, with a tag or a digest",
            "111122223333.dkr.ecr.us-east-1.amazonaws.com/repository:tag",
        )


# The bucket naming rules of the S3 user guide, then a prefix of at least one part. Least privilege: a whole
# bucket is nobody's source.
SOURCE_PREFIX = r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>[\w!.'()/-]+/)$"


def _source_prefix(value: str) -> None:
    if not re.fullmatch(SOURCE_PREFIX, value):
        raise refusal("a source is a bucket and a prefix with a slash at its end", "s3://bucket/weights/")


# Cognito's own patterns: API reference, UserPoolType Arn and Id.
USER_POOL = r"^arn:[\w-]+:cognito-idp:(?P<region>[a-z0-9-]+):[0-9]{12}:userpool/(?P<id>[\w-]+_[0-9a-zA-Z]+)$"


def _user_pool(value: str) -> None:
    if not re.fullmatch(USER_POOL, value):
        raise refusal(
            "a Cognito user pool is named by its ARN",
            "arn:aws:cognito-idp:us-east-1:111122223333:userpool/us-east-1_AbCdEfGhI",
        )


# Bedrock Runtime's own patterns for ApplyGuardrail, the id's without an ARN: the guardrail is the account's.
GUARDRAIL_ID = r"^[a-z0-9]{1,64}$"
GUARDRAIL_VERSION = r"^([1-9][0-9]{0,7}|DRAFT)$"
TAXONOMY_VERSION = r"^[0-9]{1,4}\.[0-9]{1,4}$"


def _guardrail_id(value: str) -> None:
    if not re.fullmatch(GUARDRAIL_ID, value):
        raise refusal("a Bedrock guardrail's id is lower-case letters and digits", "such as gr0a1b2c3d4e")


def _guardrail_version(value: str) -> None:
    if not re.fullmatch(GUARDRAIL_VERSION, value):
        raise refusal("a guardrail's version is a number in quotes, or DRAFT", '"1"')


def _taxonomy_version(value: str) -> None:
    if not re.fullmatch(TAXONOMY_VERSION, value):
        raise refusal("a taxonomy's version is two numbers with a point, in quotes", '"7.0"')


def _pattern(value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise refusal(f"no regular expression of Python's: {error}", "such as \\bfree\\s+money\\b") from None


CampaignName = Annotated[str, Text(_campaign_name, CAMPAIGN_NAME)]
ActionName = Annotated[str, Text(_action_name, ACTION_NAME)]
Account = Annotated[str, Text(_account, ACCOUNT)]
Region = Annotated[str, Text(_region)]
TimeZone = Annotated[str, Text(_time_zone)]
Email = Annotated[str, Text(_email, EMAIL)]
TagKey = Annotated[str, Text(_tag_key)]
TagValue = Annotated[str, Text(_tag_value, TAG_VALUE)]
ContainerImage = Annotated[str, Text(_image)]
SourcePrefix = Annotated[
    str, Text(_source_prefix, SOURCE_PREFIX.replace("?P<bucket>", "").replace("?P<prefix>", ""))
]
UserPool = Annotated[str, Text(_user_pool, USER_POOL.replace("?P<region>", "").replace("?P<id>", ""))]
GuardrailId = Annotated[str, Text(_guardrail_id, GUARDRAIL_ID)]
GuardrailVersion = Annotated[str, Text(_guardrail_version, GUARDRAIL_VERSION)]
TaxonomyVersion = Annotated[str, Text(_taxonomy_version, TAXONOMY_VERSION)]
Pattern = Annotated[str, Text(_pattern)]
