"""Templates are read and their functions evaluated as CloudFormation does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.graph import creation_order, dependencies
from darkroom.sandbox.cloudformation.intrinsics import NO_VALUE, holds, references, resolve
from darkroom.sandbox.cloudformation.parameters import parameter_values
from darkroom.sandbox.cloudformation.schema import schema_of
from darkroom.sandbox.cloudformation.template import parse


class Names:
    """A scope of fixed values."""

    def ref(self, name: str) -> Any:
        return {"Name": "value", "List": ["a", "b"], "Flag": True, "AWS::Region": "eu-west-1"}[name]

    def attribute(self, logical_id: str, name: str) -> Any:
        return f"{logical_id}/{name}"

    def mapping(self, name: str) -> Mapping[str, Any]:
        return {"Sizes": {"small": {"cpu": 1}}}[name]

    def condition(self, name: str) -> bool:
        return name == "Yes"

    def imported(self, name: str) -> str:
        return f"imported {name}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Name"}, "value"),
        ({"Fn::GetAtt": ["Thing", "Arn"]}, "Thing/Arn"),
        ({"Fn::GetAtt": "Thing.Nested.Arn"}, "Thing/Nested.Arn"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 1, True]]}, "a-value-1-true"),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        ({"Fn::Sub": "${Name} ${Thing.Arn} ${!Literal} $5 {x}"}, "value Thing/Arn ${Literal} $5 {x}"),
        ({"Fn::Sub": ["${Own}-${Name}", {"Own": {"Ref": "Name"}}]}, "value-value"),
        ({"Fn::FindInMap": ["Sizes", "small", "cpu"]}, 1),
        ({"Fn::FindInMap": ["Sizes", "large", "cpu", {"DefaultValue": 9}]}, 9),
        ({"Fn::If": ["Yes", "then", "else"]}, "then"),
        ({"Fn::If": ["No", "then", "else"]}, "else"),
        ({"Fn::ImportValue": {"Fn::Sub": "${Name}-export"}}, "imported value-export"),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a":"value"}'),
        ({"Fn::Length": {"Ref": "List"}}, 2),
        ({"A": {"Ref": "AWS::NoValue"}, "B": [{"Ref": "AWS::NoValue"}, 1]}, {"B": [1]}),
        # An IAM policy's Condition is no function.
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}},) * 2,
    ],
)
def test_functions_have_their_values(expression: Any, value: Any) -> None:
    assert resolve(expression, Names()) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ({"Fn::Select": ["5", {"Ref": "List"}]}, "nonexistent value at index 5"),
        ({"Fn::FindInMap": ["Sizes", "large", "cpu"]}, "Sizes::large::cpu"),
        ({"Fn::Transform": {"Name": "x"}}, "does not play Fn::Transform"),
        ("{{resolve:ssm:name}}", "dynamic references"),
    ],
)
def test_what_has_no_value_says_why(expression: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        resolve(expression, Names())


def test_conditions_combine() -> None:
    equal = {"Fn::Equals": [{"Ref": "Name"}, "value"]}
    assert holds(equal, Names())
    assert holds({"Fn::Equals": [{"Ref": "Flag"}, "true"]}, Names())
    assert not holds({"Fn::Not": [equal]}, Names())
    assert holds({"Fn::And": [equal, {"Condition": "Yes"}]}, Names())
    assert holds({"Fn::Or": [{"Condition": "No"}, equal]}, Names())
    assert resolve({"Ref": "AWS::NoValue"}, Names()) is NO_VALUE


@given(
    st.recursive(
        st.sampled_from(
            [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "${C} ${!D} ${E.Arn}"}, "text"]
        ),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        ),
    )
)
def test_every_name_that_evaluation_asks_for_is_a_reference(value: Any) -> None:
    asked = set()

    class Recorder(Names):
        def ref(self, name: str) -> Any:
            asked.add(name)
            return name

        def attribute(self, logical_id: str, name: str) -> Any:
            asked.add(logical_id)
            return name

    resolve(value, Recorder())
    assert references(value) == asked


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=12).flatmap(
        lambda names: st.fixed_dictionaries(
            {
                str(name): st.frozensets(st.sampled_from(names[:i]) if i else st.nothing()).map(
                    lambda needed: frozenset(map(str, needed))
                )
                for i, name in enumerate(names)
            }
        )
    )
)
def test_everything_comes_after_what_it_needs(needs: dict[str, frozenset[str]]) -> None:
    order = creation_order(dict(sorted(needs.items())))
    assert sorted(order) == sorted(needs)
    assert all(order.index(needed) < order.index(name) for name in needs for needed in needs[name])


def test_yaml_has_short_forms_and_dates_that_stay_text() -> None:
    template = parse(
        """
        Resources:
          P:
            Type: AWS::SSM::Parameter
            DependsOn: Q
            Properties:
              Type: String
              Value: !Join ["-", [!Ref Q, !GetAtt Q.Arn, !Sub "${AWS::Region}"]]
              Description: 2012-10-17
          Q: {Type: AWS::SQS::Queue}
        """
    )
    properties = template.resources["P"].properties
    assert properties["Description"] == "2012-10-17"
    parts = [{"Ref": "Q"}, {"Fn::GetAtt": ["Q", "Arn"]}, {"Fn::Sub": "${AWS::Region}"}]
    assert properties["Value"] == {"Fn::Join": ["-", parts]}
    assert dependencies(template) == {"P": frozenset({"Q"}), "Q": frozenset()}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("[1]", "unsupported structure"),
        ("{}", "At least one Resources member"),
        ('{"Resources": {"A": {}}}', "/Resources/A"),
        (
            '{"Resources": {"A": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Keep"}}}',
            "Keep for resource A",
        ),
        ('{"Transform": "AWS::Include", "Resources": {"A": {"Type": "AWS::SQS::Queue"}}}', "Transform"),
        ("a: [", "YAML not well-formed"),
    ],
)
def test_what_is_no_template_is_refused_with_the_place(body: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        parse(body)


def test_a_reference_to_nothing_is_refused_by_name() -> None:
    body = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nope"}}}}}'
    with pytest.raises(ValidationError, match=r"Unresolved resource dependencies \['Nope'\]"):
        dependencies(parse(body))


def test_parameters_come_from_what_is_given_the_default_and_the_store() -> None:
    declared = {
        "Given": {"Type": "String", "Default": "d"},
        "Default": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
    }
    values = parameter_values(declared, {"Given": "g"}, lambda name: f"stored {name}")
    assert values == {"Given": "g", "Default": ["a", "b"], "Stored": "stored /name"}


@pytest.mark.parametrize(
    ("rule", "given_values", "reason"),
    [
        ({"Type": "String"}, {}, r"\['P'\] must have values"),
        ({"Type": "String", "AllowedValues": ["a"]}, {"P": "b"}, "must be one of"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, {"P": "B"}, "must match pattern"),
        ({"Type": "String"}, {"P": "x", "Q": "y"}, "do not exist in the template"),
    ],
)
def test_a_parameter_that_can_not_be_is_refused(
    rule: dict[str, Any], given_values: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        parameter_values({"P": rule}, given_values, lambda name: name)


def test_awss_own_schemas_say_what_a_change_replaces() -> None:
    queue = schema_of("AWS::SQS::Queue")
    assert queue is not None
    assert queue.replaced_by({"QueueName": "a"}, {"QueueName": "b"}) == ["QueueName"]
    assert queue.replaced_by({"DelaySeconds": 1}, {"DelaySeconds": 2}) == []
    assert schema_of("AWS::No::Such") is None
