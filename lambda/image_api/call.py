"""One call of AWS for a backend, its errors by what asking again would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api.backend import BackendRefusedError, BackendUnavailableError

# Refusals with a status below 500 that pass by themselves: too many requests (botocore has the list, in
# retries/standard.py, ThrottledRetryableChecker), a request that took too long to arrive, and, the last four,
# a clock that is off.
_PASSING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "SlowDown",
        "RequestTimeout",
        "RequestTimeoutException",
        "ModelNotReadyException",
        "RequestTimeTooSkewed",
        "InvalidSignatureException",
        "ExpiredToken",
        "ExpiredTokenException",
    }
)


def is_passing(code: str, status: int) -> bool:
    """Whether an error of AWS passes by itself."""
    return status >= 500 or code in _PASSING


def call(operation: Callable[..., Any], **parameters: Any) -> Any:
    """Call AWS; errors by what asking again would do. Their text stays here: it may hold parameters."""
    try:
        return operation(**parameters)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an error without a code"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        where = f"{error.operation_name} answered {code}"
        if not is_passing(code, status):
            raise BackendRefusedError(where) from None
        raise BackendUnavailableError(where) from None
    except BotoCoreError as error:
        raise BackendUnavailableError(f"no answer ({type(error).__name__})") from None
