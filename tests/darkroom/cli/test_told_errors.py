"""Where a command can't go on: a sentence of what the world did, a traceback of a fault of ours."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from botocore.exceptions import ClientError, NoCredentialsError

from darkroom.cli.application import told

DENIED = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: x:GetY"}}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LookupError("no such campaign"), "no such campaign"),
        (ClientError(DENIED, "GetY"), "AWS did not answer as it should: .*not authorized to perform: x:GetY"),
        (NoCredentialsError(), "AWS did not answer as it should: Unable to locate credentials"),
    ],
)
def test_what_the_world_refuses_is_a_sentence(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, told(LookupError):
        raise error
    assert ended.value.exit_code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(said, printed.err)
    assert printed.err.count("\n") == 1


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), told(LookupError):
        raise ZeroDivisionError


def test_the_command_loads_no_aws_to_say_what_it_can() -> None:
    heavy = "{'boto3', 'botocore', 'moto', 'numpy'}"
    program = f"import sys, darkroom.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
