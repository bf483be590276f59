"""CloudFormation's intrinsic functions, resolved as far as a template alone allows.

What is known only once deployed stands for itself as text: equal references give equal text, which is
all that linking metrics, alarms and policies needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def resolve(value: Any, parameters: Mapping[str, str]) -> Any:
    """``value`` with Ref, Fn::GetAtt, Fn::Join, Fn::Sub and Fn::ImportValue replaced.

    Args:
        value: any part of a template.
        parameters: values by name, of parameters and pseudo parameters. Other names stay as they are.

    Raises:
        ValueError: another intrinsic function.
    """
    if isinstance(value, list):
        return [resolve(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, argument), *_ = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _call(function, argument, parameters)
    return {key: resolve(item, parameters) for key, item in value.items()}


def _call(function: str, argument: Any, parameters: Mapping[str, str]) -> Any:
    match function:
        case "Ref":
            return parameters.get(argument, argument)
        case "Fn::GetAtt":
            return argument if isinstance(argument, str) else ".".join(argument)
        case "Fn::Join":
            delimiter, items = argument
            return delimiter.join(str(item) for item in resolve(items, parameters))
        case "Fn::Sub":
            return _substitute(argument, parameters)
        case "Fn::ImportValue":
            return resolve(argument, parameters)
        case _:
            raise ValueError(
                f"the intrinsic function {function} can't be resolved here: "
                "use Ref, Fn::GetAtt, Fn::Join, Fn::Sub or Fn::ImportValue"
            )


def _substitute(argument: Any, parameters: Mapping[str, str]) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    known = {**parameters, **{name: str(resolve(value, parameters)) for name, value in own.items()}}
    return re.sub(r"\$\{([^!}][^}]*)\}", lambda match: known.get(match[1], match[1]), text)
