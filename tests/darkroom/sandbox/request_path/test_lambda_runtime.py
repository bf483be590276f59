from __future__ import annotations

import json
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from moto.awslambda.models import lambda_backends

from darkroom.sandbox.lambda_runtime import invocations
from darkroom.sandbox.lambda_runtime.lookup import find
from darkroom.sandbox.processes import raise_open_file_limit
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws, package
from tests.eventually import eventually

ECHO = """
import os
def handler(event, context):
    return {"event": event, "pid": os.getpid(), "request": context.aws_request_id}
"""


def test_a_handler_gets_the_event_and_its_answer_comes_back(aws: Aws) -> None:
    aws.function("echo", ECHO)
    answer, response = aws.invoke("echo", {"n": [1, 2.5, None, "é"]})
    assert answer["event"] == {"n": [1, 2.5, None, "é"]}
    assert response["StatusCode"] == 200
    assert "FunctionError" not in response


def test_an_environment_is_reused_and_a_warm_invocation_costs_a_few_milliseconds(aws: Aws) -> None:
    function = find(aws.function("echo", ECHO))
    first = json.loads(invocations.invoke(function, b"{}").result(30).payload)
    durations = []
    for _ in range(30):
        start = time.perf_counter()
        again = json.loads(invocations.invoke(function, b"{}").result(30).payload)
        durations.append(time.perf_counter() - start)
        assert again["pid"] == first["pid"]
    assert statistics.median(durations) < 0.030


def test_a_function_sees_its_own_environment_and_the_runtime_of_aws_only(aws: Aws) -> None:
    source = """
    import importlib.util, os
    def handler(event, context):
        modules = ("boto3", "moto", "flask", "darkroom")
        return {
            "variables": dict(os.environ),
            "modules": {m: importlib.util.find_spec(m) is not None for m in modules},
            "remaining": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb,
            "cwd_is_task_root": os.getcwd() == os.environ["LAMBDA_TASK_ROOT"],
        }
    """
    os.environ["ONLY_IN_THE_SANDBOX"] = "1"
    aws.function("look", source, MemorySize=512, Environment={"Variables": {"CAMPAIGN": "demo"}})
    answer, _ = aws.invoke("look")
    variables = answer["variables"]
    assert variables["CAMPAIGN"] == "demo"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_REGION"] == REGION
    assert variables["AWS_ENDPOINT_URL"] == aws.context.settings.url
    assert "ONLY_IN_THE_SANDBOX" not in variables
    assert answer["modules"] == {"boto3": True, "moto": False, "flask": False, "darkroom": False}
    assert 8_000 < answer["remaining"] <= 10_000
    assert answer["cwd_is_task_root"]


def test_a_function_acts_with_its_role(aws: Aws) -> None:
    source = """
    import boto3
    def handler(event, context):
        return boto3.client("sts").get_caller_identity()["Arn"]
    """
    aws.function("who", source)
    answer, _ = aws.invoke("who")
    assert answer == f"arn:aws:sts::{ACCOUNT}:assumed-role/function/who"


def test_a_layer_is_on_the_path_and_the_last_layer_wins(aws: Aws) -> None:
    def layer(name: str, value: int) -> str:
        content = {"ZipFile": package({"python/fact.py": f"VALUE = {value}"})}
        made = aws.client("lambda").publish_layer_version(LayerName=name, Content=content)
        return str(made["LayerVersionArn"])

    source = "import fact\ndef handler(event, context): return fact.VALUE"
    aws.function("layered", source, Layers=[layer("one", 1), layer("two", 2)])
    assert aws.invoke("layered")[0] == 2


def test_an_exception_is_a_function_error_with_its_trace(aws: Aws) -> None:
    aws.function("broken", "def handler(event, context): raise KeyError('lost')")
    answer, response = aws.invoke("broken")
    assert response["FunctionError"] == "Unhandled"
    assert response["StatusCode"] == 200
    assert answer["errorType"] == "KeyError"
    assert answer["errorMessage"] == "'lost'"


def test_a_handler_past_its_time_is_killed_and_the_next_invocation_gets_a_new_environment(aws: Aws) -> None:
    source = """
    import os, time
    def handler(event, context):
        time.sleep(event)
        return os.getpid()
    """
    aws.function("slow", source, Timeout=1)
    before, _ = aws.invoke("slow", 0)
    answer, response = aws.invoke("slow", 30)
    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert answer["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert before not in aws.context.processes.living()
    after, _ = aws.invoke("slow", 0)
    assert after != before


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        ("1/0", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
def test_a_module_that_does_not_load_is_reported_and_not_a_hang(
    aws: Aws, source: str, kind: str, text: str
) -> None:
    aws.function("unborn", source)
    for _ in range(2):
        answer, response = aws.invoke("unborn")
        assert response["FunctionError"] == "Unhandled"
        assert answer["errorType"] == kind
        assert text in answer["errorMessage"]


def test_a_crash_in_the_handler_is_reported(aws: Aws) -> None:
    aws.function("crash", "import os, signal\ndef handler(e, c): os.kill(os.getpid(), signal.SIGKILL)")
    answer, response = aws.invoke("crash")
    assert response["FunctionError"] == "Unhandled"
    assert answer["errorMessage"].endswith("Runtime exited with error: signal: 9")


def test_environments_are_bounded_and_the_rest_wait_in_line(aws: Aws) -> None:
    source = "import os, time\ndef handler(event, context):\n    time.sleep(0.05)\n    return os.getpid()"
    aws.function("busy", source)
    with ThreadPoolExecutor(12) as callers:
        processes = {answer for answer, _ in callers.map(lambda _: aws.invoke("busy"), range(24))}
    assert 1 < len(processes) <= aws.context.settings.lambda_environments


def test_reserved_concurrency_lowers_the_bound(aws: Aws) -> None:
    source = "import os, time\ndef handler(event, context):\n    time.sleep(0.05)\n    return os.getpid()"
    aws.function("single", source)
    aws.client("lambda").put_function_concurrency(FunctionName="single", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(6) as callers:
        processes = {answer for answer, _ in callers.map(lambda _: aws.invoke("single"), range(6))}
    assert len(processes) == 1


def test_a_function_reserved_to_nothing_is_throttled_and_nobody_waits_for_it(aws: Aws) -> None:
    aws.function("off", ECHO)
    aws.client("lambda").put_function_concurrency(FunctionName="off", ReservedConcurrentExecutions=0)
    answer, response = aws.invoke("off")
    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "TooManyRequestsException"


def test_a_new_environment_works_while_more_than_a_thousand_connections_are_open(aws: Aws) -> None:
    raise_open_file_limit()
    with ExitStack() as many:
        for _ in range(1200):
            many.enter_context(Path(os.devnull).open())
        aws.function("late", "def handler(e, c):\n    print('heard')\n    return 'answer'")
        assert aws.invoke("late")[0] == "answer"
        eventually(lambda: "heard" in aws.log("/aws/lambda/late"))


def test_an_environment_that_cannot_be_made_leaves_no_thread_behind(aws: Aws) -> None:
    aws.function("no-zip", ECHO)
    lambda_backends[ACCOUNT][REGION].get_function("no-zip").code_bytes = b"no zip file"
    lambda_backends[ACCOUNT][REGION].get_function("no-zip").code_digest = "0" * 64
    assert aws.invoke("no-zip")[0]["errorType"] == "Sandbox.StartFailure"
    before = threading.active_count()
    for _ in range(5):
        aws.invoke("no-zip")
    eventually(lambda: threading.active_count() <= before)


def test_new_code_and_new_configuration_replace_the_environment(aws: Aws) -> None:
    aws.function("versions", "def handler(e, c): return 'one'")
    assert aws.invoke("versions")[0] == "one"
    source = "import os\ndef handler(e, c): return 'two ' + os.environ.get('MODE', '')"
    aws.client("lambda").update_function_code(FunctionName="versions", ZipFile=package({"index.py": source}))
    assert aws.invoke("versions")[0] == "two "
    aws.client("lambda").update_function_configuration(
        FunctionName="versions", Environment={"Variables": {"MODE": "fast"}}
    )
    assert aws.invoke("versions")[0] == "two fast"
    assert len(aws.context.processes.living()) == 1


def test_a_deleted_function_leaves_no_process(aws: Aws) -> None:
    aws.function("gone", ECHO)
    pid = aws.invoke("gone")[0]["pid"]
    aws.client("lambda").delete_function(FunctionName="gone")
    eventually(lambda: pid not in aws.context.processes.living())
    with pytest.raises(aws.client("lambda").exceptions.ResourceNotFoundException):
        aws.invoke("gone")


def test_only_python_is_taken(aws: Aws) -> None:
    with pytest.raises(aws.client("lambda").exceptions.InvalidParameterValueException, match="Python only"):
        aws.function("node", "", Runtime="nodejs22.x")


def test_service_metrics_are_published_once_the_minute_is_over(aws: Aws) -> None:
    aws.context.clock.speed = 600
    aws.function("counted", "def handler(e, c): return 1/e")
    aws.invoke("counted", 1)
    aws.invoke("counted", 0)

    def total(name: str) -> float:
        now = aws.context.clock.now()
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": "counted"}],
            StartTime=now - 7200,
            EndTime=now,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    eventually(lambda: total("Invocations") == 2)
    assert total("Errors") == 1


def test_nothing_is_left_running_when_the_sandbox_stops(aws: Aws) -> None:
    aws.function("left", ECHO)
    aws.invoke("left")
    before = threading.active_count()
    for stop in aws.context.on_stop:
        stop()
    eventually(lambda: aws.context.processes.living() == [])
    assert threading.active_count() <= before


def test_an_answer_over_six_megabytes_is_refused(aws: Aws) -> None:
    aws.function("large", "def handler(e, c): return 'x' * 7_000_000")
    answer, response = aws.invoke("large")
    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"
