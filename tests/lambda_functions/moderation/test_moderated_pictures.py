"""A picture is looked at before its job is done; a refused one is deleted, told of and not drawn again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from image_api import completion, reconciliation
from image_api.moderation.pictures import is_unfit
from image_api.moderation.refusal import REFUSED
from image_api.moderation.rules import PictureRule
from image_api.reconciliation import ReconciliationError

from tests.lambda_functions.local_campaign import Campaign, Crash
from tests.lambda_functions.moderation.conftest import Moderated, client_error

REASON = "Moderation refused the picture."
THROTTLED = client_error("ProvisionedThroughputExceededException", 400, "DetectModerationLabels")


def ask(campaign: Campaign, prompt: str = "a red fox") -> str:
    return str(json.loads(campaign.post({"prompt": prompt})["body"])["id"])


def test_a_fit_picture_is_looked_at_once_and_served(moderated: Moderated) -> None:
    job_id = ask(moderated.campaign)
    message = moderated.campaign.endpoint.draw(f"{job_id}.1")
    moderated.campaign.notify(message, message)
    assert moderated.campaign.row()["state"] == "done"
    assert moderated.rekognition.asked == moderated.keys()


def test_an_unfit_picture_is_deleted_and_its_job_failed_with_the_reason(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    assert moderated.keys() == []
    document = json.loads(moderated.campaign.get(job_id)["body"])
    assert (document["status"], document["reason"]) == ("failed", REASON)
    assert "picture" not in document
    assert moderated.campaign.metric("PicturesRefused") == [1.0]
    # A refusal is no failure of the campaign's: nobody is woken.
    assert moderated.campaign.metric("JobsFailed") == []
    assert moderated.campaign.metric("PicturesCompleted") == []
    assert "Violence" not in moderated.campaign.printed()


def test_asking_again_is_answered_422_and_draws_nothing(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    answer = moderated.campaign.post({"prompt": "a red fox"})
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["type"] == "urn:darkroom:problem:picture-refused"
    assert moderated.campaign.endpoint.asked == [f"{job_id}.1"]
    assert moderated.bedrock.asked == ["a red fox"]
    assert moderated.campaign.metric("PromptsRefused") == [1.0]


def test_after_the_caches_time_it_may_be_tried_again(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    moderated.campaign.time += 3601
    assert moderated.campaign.post({"prompt": "a red fox"})["statusCode"] == 202
    moderated.rekognition.labels = []
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.2"))
    assert moderated.campaign.row()["state"] == "done"


def test_a_refusal_that_is_told_twice_counts_once(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    message = moderated.campaign.endpoint.draw(f"{job_id}.1")
    moderated.campaign.notify(message, message)
    row = moderated.campaign.row()
    moderated.campaign.time += 5
    moderated.campaign.notify(message)
    assert {**moderated.campaign.row(), "updated_at": ""} == {**row, "updated_at": ""}
    assert moderated.campaign.metric("PicturesRefused") == [1.0]
    assert len(moderated.rekognition.asked) == 1


def test_reconciliation_looks_before_it_finishes(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    moderated.campaign.endpoint.draw(f"{job_id}.1")
    moderated.campaign.time += 61
    moderated.campaign.reconcile()
    assert moderated.campaign.row()["reason"] == REASON
    assert moderated.keys() == []


def test_a_picture_that_nobody_could_look_at_waits_and_is_not_shown(moderated: Moderated) -> None:
    moderated.rekognition.error = THROTTLED
    job_id = ask(moderated.campaign)
    message = moderated.campaign.endpoint.draw(f"{job_id}.1")
    with pytest.raises(completion.CompletionError):  # Lambda delivers it again
        moderated.campaign.notify(message)
    moderated.campaign.time += 61
    with pytest.raises(ReconciliationError):
        moderated.campaign.reconcile()
    assert json.loads(moderated.campaign.get(job_id)["body"])["status"] == "queued"
    moderated.rekognition.error = None
    moderated.campaign.reconcile()
    assert moderated.campaign.row()["state"] == "done"


def test_it_does_not_wait_for_ever(moderated: Moderated) -> None:
    moderated.rekognition.error = client_error("AccessDeniedException", 400, "DetectModerationLabels")
    job_id = ask(moderated.campaign)
    moderated.campaign.endpoint.draw(f"{job_id}.1")
    moderated.campaign.time += 600 + 300 + 61
    moderated.campaign.reconcile()
    assert moderated.campaign.row()["reason"] == "Moderation did not look at the picture in time."
    assert moderated.campaign.metric("JobsFailed") == [1.0]


@pytest.mark.parametrize(
    "code", ["InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"]
)
def test_a_picture_that_can_not_be_read_is_not_shown(moderated: Moderated, code: str) -> None:
    moderated.rekognition.error = client_error(code, 400, "DetectModerationLabels")
    job_id = ask(moderated.campaign)
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    assert moderated.campaign.row()["state"] == "failed"
    assert moderated.campaign.row()["reason"] == "Moderation could not read the picture."
    # Another drawing may be readable: it may be asked for again.
    moderated.rekognition.error = None
    assert moderated.campaign.post({"prompt": "a red fox"})["statusCode"] == 202


def test_a_late_picture_of_a_job_that_was_given_up_is_looked_at_too(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    picture = moderated.campaign.endpoint.draw(f"{job_id}.1")
    moderated.campaign.notify(moderated.campaign.endpoint.fail(f"{job_id}.1", "request refused: size"))
    assert moderated.campaign.row()["state"] == "failed"
    moderated.campaign.notify(picture)
    assert moderated.campaign.row()["reason"] == REASON
    assert moderated.campaign.post({"prompt": "a red fox"})["statusCode"] == 422


def test_another_attempts_success_does_not_bring_a_refused_picture_back(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    moderated.campaign.notify(moderated.campaign.endpoint.fail(f"{job_id}.1", "error (500)"))
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.1"))
    moderated.rekognition.labels = []
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.2"))
    assert moderated.campaign.row()["state"] == "failed"
    assert moderated.keys() == ["failures/" + moderated.campaign.endpoint._name(f"{job_id}.1") + "-error.out"]
    moderated.campaign.notify(moderated.campaign.endpoint.fail(f"{job_id}.2", "error (500)"))
    assert moderated.campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]


def test_two_attempts_pictures_are_both_deleted_though_the_first_refusal_died(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    first = moderated.campaign.endpoint.draw(f"{job_id}.1")["responseParameters"]["outputLocation"]
    app = completion._application()
    app.jobs.condemn(job_id, first, app.now())
    moderated.campaign.notify(moderated.campaign.endpoint.draw(f"{job_id}.2"))
    assert moderated.keys() == []
    assert moderated.campaign.row()["reason"] == REASON
    assert moderated.campaign.metric("PicturesRefused") == [1.0]


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_refusal_that_dies_half_way_is_ended_by_the_next(
    moderated: Moderated, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marked, deleted, failed: after any of them the next one goes on, nothing is drawn and none is left."""
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    message = moderated.campaign.endpoint.draw(f"{job_id}.1")
    app = completion._application()
    left = calls

    def dies(call: Any) -> Any:
        def called(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            answer = call(*arguments, **named)
            left -= 1
            if left == 0:
                raise Crash
            return answer

        return called

    with monkeypatch.context() as patch:
        patch.setattr(app.jobs, "condemn", dies(app.jobs.condemn))
        patch.setattr(app.s3, "delete_object", dies(app.s3.delete_object))
        patch.setattr(app.jobs, "refuse", dies(app.jobs.refuse))
        with pytest.raises(Crash):
            moderated.campaign.notify(message)
    assert moderated.campaign.post({"prompt": "a red fox"})["statusCode"] in (202, 422)
    moderated.campaign.time += 61
    moderated.campaign.reconcile()
    assert moderated.campaign.row()["state"] == "failed"
    assert moderated.campaign.row()["reason"] == REASON
    assert moderated.keys() == []
    assert moderated.campaign.endpoint.asked == [f"{job_id}.1"]
    assert len(moderated.rekognition.asked) == 1


def test_a_condemned_job_is_not_tried_again_by_a_failure_that_comes_late(moderated: Moderated) -> None:
    moderated.rekognition.see()
    job_id = ask(moderated.campaign)
    app = reconciliation._application()
    message = moderated.campaign.endpoint.draw(f"{job_id}.1")
    app.jobs.condemn(job_id, message["responseParameters"]["outputLocation"], app.now())
    moderated.campaign.notify(moderated.campaign.endpoint.fail(f"{job_id}.1", "error (500)"))
    assert moderated.campaign.row()["reason"] == REASON
    assert moderated.campaign.endpoint.asked == [f"{job_id}.1"]


def test_without_picture_rules_nobody_is_asked(campaign: Campaign) -> None:
    assert completion._application().pictures is None
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    assert campaign.row()["state"] == "done"
    assert REFUSED == REASON


LABELS = [
    {"Name": "Drinking", "ParentName": "Alcohol Use", "TaxonomyLevel": 3, "Confidence": 85.0},
    {"Name": "Alcohol Use", "ParentName": "Alcohol", "TaxonomyLevel": 2, "Confidence": 85.0},
    {"Name": "Alcohol", "ParentName": "", "TaxonomyLevel": 1, "Confidence": 85.0},
]


@pytest.mark.parametrize(
    ("minimum", "names", "expected"),
    [
        (80, (), True),
        (85, (), True),
        (85.1, (), False),
        (80, ("Alcohol",), True),
        (80, ("alcohol use",), True),
        (80, ("Drinking",), True),
        (80, ("Violence",), False),
        (90, ("Alcohol",), False),
    ],
)
def test_labels_refuse_by_confidence_and_by_name_at_any_level(
    minimum: float, names: tuple[str, ...], expected: bool
) -> None:
    assert is_unfit(LABELS, PictureRule(minimum, names)) is expected
    assert is_unfit(LABELS[:1], PictureRule(80, ("Alcohol Use",)))
    assert not is_unfit([], PictureRule(0, ()))
