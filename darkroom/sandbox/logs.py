"""CloudWatch Logs: events are kept as long as their group's retention says; a group's key must let it.

moto keeps them for ever, and a sandbox that runs for days would keep nothing else.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from moto.logs.exceptions import LogsClientError
from moto.logs.models import LogGroup, LogsBackend, logs_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError, Need, require_of_service

_EXPIRY_SECONDS = 3600.0
_DAY_SECONDS = 86400
# What CloudWatch Logs does with a key, as itself: its user guide, "Encrypt log data in CloudWatch Logs using
# AWS Key Management Service", where the policy has these with wildcards.
_WITH_KEY = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
_create_in_moto: Any = LogsBackend.create_log_group


def install(context: Context) -> None:
    """Expire log events by the sandbox's clock; hold groups' keys to their policies."""
    setattr(LogsBackend, "create_log_group", _create_log_group)  # noqa: B010 - a method of moto's
    context.every(_EXPIRY_SECONDS, expire)


def _create_log_group(backend: Any, log_group_name: str, tags: dict[str, str], **given: Any) -> LogGroup:
    """CreateLogGroup: with a key, CloudWatch Logs must be let use it for exactly this group."""
    key, region, account = given.get("kmsKeyId"), backend.region_name, backend.account_id
    if key:
        group = f"arn:aws:logs:{region}:{account}:log-group:{log_group_name}"
        context = {"kms:EncryptionContext:aws:logs:arn": group}
        needed = [Need(action, key, context) for action in _WITH_KEY]
        try:
            require_of_service(f"logs.{region}.amazonaws.com", needed, source=group, account=account)
        except AccessDeniedError as error:
            raise LogsClientError(
                "AccessDeniedException",
                f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}': "
                f"{error}",
            ) from error
    made: LogGroup = _create_in_moto(backend, log_group_name, tags, **given)
    return made


def expire(moment: float) -> None:
    """Delete the events whose retention has passed at ``moment`` (sandbox seconds)."""
    backends: list[Any] = [backend for _, _, backend in list(logs_backends.iter_backends())]
    for backend in backends:
        for group in list(backend.groups.values()):
            if group.retention_in_days:
                oldest = moment - int(group.retention_in_days) * _DAY_SECONDS
                _delete_before(group, oldest * 1000)


def _delete_before(group: LogGroup, milliseconds: float) -> None:
    for stream in list(group.streams.values()):
        # In place: functions write to the same list meanwhile.
        del stream.events[: bisect_left(stream.events, milliseconds, key=lambda event: event.timestamp)]
