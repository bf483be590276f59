"""What the functions print: the job's id in every line about a job, no prompt, key or credential in any."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from tests.lambda_functions.local_campaign import ENVIRONMENT, Campaign

SECRET = "the launch is on the fourth of May"  # a prompt nobody else should read
KEYS = [
    ENVIRONMENT["AWS_ACCESS_KEY_ID"],
    ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
    ENVIRONMENT["AWS_SESSION_TOKEN"],
    "very-secret-api-key",
    "X-Amz-Signature",
]


def run_through_everything(campaign: Campaign) -> str:
    """One job through every outcome there is; returns its id."""
    job_id = str(json.loads(campaign.post({"prompt": SECRET})["body"])["id"])
    campaign.post({"prompt": SECRET})
    campaign.get(job_id)
    quoting = f'Received client error (400) from primary with message "request refused: {SECRET}"'
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", quoting))
    campaign.post({"prompt": SECRET})
    campaign.notify(campaign.endpoint.fail(f"{job_id}.2", f"Received server error (500): {SECRET}"))
    campaign.time += 61
    campaign.reconcile()
    campaign.notify(campaign.endpoint.draw(f"{job_id}.3"))
    campaign.post({"prompt": SECRET})
    campaign.get(job_id)
    return job_id


def provoke_errors(campaign: Campaign) -> None:
    """Refusals and faults whose exceptions carry what was asked."""
    campaign.post({"prompt": SECRET, "steps": SECRET, SECRET: 1})
    campaign.post({"prompt": SECRET + "\x00"})
    campaign.post('{"prompt": "' + SECRET, raw=True)
    errors: list[Exception] = [
        ClientError(
            {
                "Error": {"Code": "ValidationError", "Message": SECRET},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            },
            "InvokeEndpointAsync",
        ),
        ParamValidationError(report=SECRET),
        RuntimeError(SECRET),
    ]
    for number, error in enumerate(errors):
        campaign.endpoint.error = error
        campaign.post({"prompt": f"{SECRET} {number}"})
    campaign.dynamodb.delete_table(TableName="jobs")
    campaign.post({"prompt": SECRET})


def test_no_prompt_key_or_credential_is_ever_printed(campaign: Campaign) -> None:
    run_through_everything(campaign)
    provoke_errors(campaign)
    printed = campaign.printed()
    for secret in (SECRET, *KEYS):
        assert secret not in printed
    assert len(printed.splitlines()) > 20


def test_every_line_about_a_job_carries_its_id(campaign: Campaign) -> None:
    job_id = run_through_everything(campaign)
    about_jobs = [line for line in campaign.lines() if "_aws" not in line and line["message"] != "reconciled"]
    assert len(about_jobs) >= 10
    assert {line.get("job_id") for line in about_jobs} == {job_id}


def test_metrics_carry_the_dimensions_that_scaling_and_alarms_name(campaign: Campaign) -> None:
    run_through_everything(campaign)
    emitted: dict[str, Any] = {}
    for line in campaign.lines():
        if "_aws" in line:
            (metrics,) = line["_aws"]["CloudWatchMetrics"]
            assert metrics["Namespace"] == "ImageGenAPI"
            assert [sorted(dimensions) for dimensions in metrics["Dimensions"]] == [["campaign", "service"]]
            assert (line["service"], line["campaign"]) == ("ImageGenerator", "demo")
            emitted |= {metric["Name"]: metric["Unit"] for metric in metrics["Metrics"]}
    assert emitted == {
        "NumberOfInferenceRequests": "Count",
        "CacheHits": "Count",
        "CacheMisses": "Count",
        "CoalescedRequests": "Count",
        "PicturesCompleted": "Count",
        "RequestLatency": "Seconds",
        "JobsFailed": "Count",
        "JobsResubmitted": "Count",
        "JobsSubmitted": "Count",
        "SubmissionLatency": "Seconds",
        "DrawingLatency": "Seconds",
        "NotificationLatency": "Seconds",
    }


def test_what_the_surge_alarm_reads_is_of_high_resolution_and_nothing_else(campaign: Campaign) -> None:
    run_through_everything(campaign)
    resolutions: dict[str, int] = {}
    for line in campaign.lines():
        if "_aws" in line:
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                resolutions[metric["Name"]] = metric.get("StorageResolution", 60)
    assert {name for name, seconds in resolutions.items() if seconds == 1} == {
        "CacheMisses",
        "PicturesCompleted",
        "JobsFailed",
    }


def test_every_request_that_reaches_the_cache_is_one_sample_and_a_hit_or_a_miss(campaign: Campaign) -> None:
    run_through_everything(campaign)
    requests = campaign.metric("NumberOfInferenceRequests")
    assert requests == [1.0] * 4
    assert len(campaign.metric("CacheHits")) + len(campaign.metric("CacheMisses")) == len(requests)
