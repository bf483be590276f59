"""Errors of AWS, by what asking again would do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker
from image_api.backend import BackendRefusedError, BackendUnavailableError
from image_api.call import call


def raising(code: str, status: int) -> Any:
    def operation(**_: Any) -> None:
        answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "SendMessage")

    return operation


@pytest.mark.parametrize(
    "code", sorted({*ThrottledRetryableChecker._THROTTLED_ERROR_CODES} - {"EC2ThrottledException"})
)
def test_every_way_in_which_a_service_throttles_passes_by_itself(code: str) -> None:
    with pytest.raises(BackendUnavailableError, match=code):
        call(raising(code, 400))


def test_what_does_not_pass_is_refused_for_good() -> None:
    with pytest.raises(BackendRefusedError, match="SendMessage answered AccessDenied"):
        call(raising("AccessDenied", 403))


def test_no_answer_may_be_followed_by_one() -> None:
    def silent(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://aws.example")

    with pytest.raises(BackendUnavailableError, match="ReadTimeoutError"):
        call(silent)
