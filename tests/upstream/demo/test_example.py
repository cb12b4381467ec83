"""Values that fit a JSON schema."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, RootModel, TypeAdapter

from gateway.upstream.demo.example import Example
from gateway.upstream.demo.fields import Refused
from gateway.upstream.demo.question import Question


def example(schema: object, question: str = "") -> Any:
    return Example(schema, Question(question), "response_format").value()


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    zip: Annotated[str, Field(min_length=5, max_length=5)]


class Person(BaseModel):
    name: str
    nickname: str | None
    age: Annotated[int, Field(ge=18, lt=20)]
    score: Annotated[float, Field(gt=0, lt=1)]
    home: Address
    work: Address | None = None
    colour: Colour
    kind: Literal["human"]
    tags: Annotated[list[str], Field(min_length=3, max_length=4)]
    scores: dict[str, int]
    pair: tuple[int, str]
    born: date
    seen: datetime
    token: UUID
    either: int | str


class Node(BaseModel):
    value: int
    children: list[Node]
    parent: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(multiple_of=9)]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pets(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    all: list[Cat | Dog]


class Numbers(RootModel[list[int]]):
    pass


@pytest.mark.parametrize("model", [Address, Person, Node, Pets, Numbers])
def test_what_it_makes_is_valid(model: type[BaseModel]) -> None:
    made = example(model.model_json_schema(), "Tell me about Ada, who is 36")

    assert model.model_validate(made)


@pytest.mark.parametrize(
    "annotation", [int, list[Address], Colour | None, dict[str, Address], Annotated[int, Field(lt=0)], bool, None]
)
def test_types_of_all_kinds(annotation: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    adapter.validate_python(example(adapter.json_schema()))


def test_constraints() -> None:
    assert example(
        {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}, "required": ["b"]}]}
    ) == {
        "a": 1,
        "b": 2,
    }
    assert example({"oneOf": [{"type": "null"}, {"type": "integer", "minimum": 7}]}) == 7
    assert example({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}) == 10
    assert example({"type": "number", "maximum": -2.5}) == -2.5
    assert example({"type": ["null", "string"], "minLength": 30}).endswith("...")
    assert len(example({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True})) == 3
    assert len(set(example({"type": "array", "items": {"type": "string"}, "minItems": 3}))) == 3
    assert example({"type": "object", "required": ["x"]}).keys() == {"x"}
    assert example(True) == "demo"
    assert example({"items": {"type": "null"}}) == [None]
    assert example({"type": "integer", "minimum": -(1 << 63), "maximum": 1 << 62})


def test_what_the_question_offers_is_used() -> None:
    schema = {
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "mood": {"enum": ["sad", "happy"]}}
    }

    assert example(schema, "Is anyone happy in Oslo these 3 days?") == {"city": "Oslo", "days": 3, "mood": "happy"}


@pytest.mark.parametrize(
    "schema",
    [
        5,
        {"$ref": "#/nowhere"},
        {"$ref": "http://elsewhere/"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"allOf": [{"$ref": "#"}]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"], "type": "object"},
        {"type": "array", "minItems": 10_000},
        {"type": "array", "minItems": 40, "items": {"type": "array", "minItems": 90}},
        {"anyOf": []},
        {"type": "integer", "minimum": "1"},
    ],
)
def test_what_cannot_be_made_is_refused(schema: object) -> None:
    with pytest.raises(Refused, match="Invalid schema"):
        example(schema)
