"""A value that fits a JSON schema, with what the question offers in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gateway.upstream.demo.fields import Refused
from gateway.upstream.demo.question import Question

Schema = Mapping[str, Any]

MOST_VALUES = 2_000
MOST_DEPTH = 40
EXPANDED_DEPTH = 4
"""Below this, what is optional is left out, so schemas that contain themselves come to an end."""
LONGEST_TEXT = 10_000
_LARGEST = float(1 << 53)
_SMALLEST_STEP = 1e-6

_FORMATS = {
    "date-time": "2024-05-17T09:30:00Z",
    "date": "2024-05-17",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "3b241101-e2bb-4255-8caf-4136c566a962",
}
_WELL_KNOWN = {
    "city": "Paris",
    "country": "France",
    "currency": "EUR",
    "date": "2024-05-17",
    "email": "ada@example.com",
    "id": "demo-1",
    "language": "English",
    "location": "Paris",
    "name": "Ada Lovelace",
    "unit": "celsius",
    "url": "https://example.com/",
}
_ASKED = {"question", "query", "q", "search", "prompt", "input", "text", "message"}
_IMPLIED = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class Example:
    """Makes values for one schema. `param` is the member of the request that it came in."""

    def __init__(self, root: object, question: Question, param: str) -> None:
        self._root, self._question, self._param = root, question, param
        self._left = MOST_VALUES
        self._names, self._numbers = iter(question.names()), iter(question.numbers())

    def value(self) -> Any:
        """Raises `Refused` for a schema that cannot be read or asks for too much."""
        return self._value(self._root, "", 0, 0)

    def _value(self, schema: object, name: str, depth: int, ordinal: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH:
            raise self._refused("asks for a larger or deeper value than the demo makes")
        if isinstance(schema, bool):
            return self._text({}, name, ordinal)
        flat = self._flat(schema, depth)
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            return self._choice(self._list(flat, "enum"), ordinal)
        match self._kind(flat):
            case "object":
                return self._object(flat, depth)
            case "array":
                return self._array(flat, name, depth)
            case "integer" | "number" as kind:
                return self._number(flat, kind == "integer", ordinal)
            case "boolean":
                return True
            case "null":
                return None
        return self._text(flat, name, ordinal)

    def _flat(self, schema: object, depth: int) -> Schema:
        """The schema with references followed, alternatives chosen and `allOf` merged."""
        flat = self._mapping(schema)
        for _ in range(MOST_DEPTH):
            if "$ref" in flat:
                rest = {name: inner for name, inner in flat.items() if name != "$ref"}
                flat = self._merged(self._mapping(self._referred(flat["$ref"])), rest)
            elif "allOf" in flat:
                parts = self._list(flat, "allOf")
                flat = {name: inner for name, inner in flat.items() if name != "allOf"}
                for part in parts:
                    flat = self._merged(flat, self._flat_part(part))
            elif union := next((union for union in ("anyOf", "oneOf") if union in flat), ""):
                rest = {name: inner for name, inner in flat.items() if name != union}
                flat = self._merged(rest, self._alternative(self._list(flat, union), depth))
            else:
                return flat
        raise self._refused("refers to itself without end")

    def _flat_part(self, part: object) -> Schema:
        """One of `allOf`, its own reference followed, so its members can be merged."""
        found = self._mapping(part)
        for _ in range(MOST_DEPTH):
            if "$ref" not in found:
                return found
            rest = {name: inner for name, inner in found.items() if name != "$ref"}
            found = self._merged(self._mapping(self._referred(found["$ref"])), rest)
        raise self._refused("refers to itself without end")

    def _merged(self, one: Schema, other: Schema) -> Schema:
        merged = {**one, **other}
        if "properties" in one and "properties" in other:
            merged["properties"] = {**self._mapping(one["properties"]), **self._mapping(other["properties"])}
        if "required" in one and "required" in other:
            merged["required"] = [*self._list(one, "required"), *self._list(other, "required")]
        return merged

    def _alternative(self, arms: list[Any], depth: int) -> Schema:
        """The first that is something; deep down, the first that is nothing or simple."""
        found = [self._mapping(arm) for arm in arms]
        if depth > EXPANDED_DEPTH:
            found.sort(key=lambda arm: (arm.get("type") != "null", "$ref" in arm or "properties" in arm))
        else:
            found.sort(key=lambda arm: arm.get("type") == "null")
        return found[0]

    def _referred(self, reference: object) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise self._refused("has a '$ref' that is not of the form '#/$defs/name'")
        found: Any = self._root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or step not in found:
                raise self._refused("has a '$ref' that leads nowhere")
            found = found[step]
        return found

    def _kind(self, schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind is None:
            kind = next((kind for kind, signs in _IMPLIED.items() if any(sign in schema for sign in signs)), "string")
        if not isinstance(kind, str):
            raise self._refused("has a 'type' that is neither a string nor a list of strings")
        return kind

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = self._mapping(schema.get("properties") or {})
        required = [name for name in self._list(schema, "required") if isinstance(name, str)]
        wanted = [name for name in properties if depth < EXPANDED_DEPTH or name in required]
        made = {name: self._value(properties[name], name, depth + 1, 0) for name in wanted}
        others = schema.get("additionalProperties", True)
        fewest = self._count(schema, "minProperties", 0)
        missing = [name for name in required if name not in made]
        missing += [f"key {number}" for number in range(1, fewest - len(made) - len(missing) + 1)]
        return made | {name: self._value(others, name, depth + 1, 0) for name in missing}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        placed = self._list(schema, "prefixItems")
        made = [self._value(inner, name, depth + 1, 0) for inner in placed]
        usual = len(placed) or (1 if depth < EXPANDED_DEPTH else 0)
        count = max(self._count(schema, "minItems", 0), min(usual, self._count(schema, "maxItems", usual)))
        items = schema.get("items", {})
        return made + [self._value(items, name, depth + 1, number) for number in range(len(made), count)]

    def _number(self, schema: Schema, whole: bool, ordinal: int) -> float | int:
        step = max(self._bound(schema, "multipleOf") or 0, 1 if whole else 0)
        low, high, gap = self._range(schema, whole)
        value = next(self._numbers, None)
        if value is None or (low is not None and value < low) or (high is not None and value > high):
            value = (low if low is not None else min(high, 1.0) if high is not None else 1.0) + ordinal * gap
        if step > _SMALLEST_STEP:
            value = math.ceil(value / step) * step if low is not None else math.floor(value / step) * step
        return int(value) if whole else value

    def _range(self, schema: Schema, whole: bool) -> tuple[float | None, float | None, float]:
        """The least and the greatest value, and how far one keeps from a bound that is itself excluded."""
        low, high = self._bound(schema, "minimum"), self._bound(schema, "maximum")
        above, below = self._bound(schema, "exclusiveMinimum"), self._bound(schema, "exclusiveMaximum")
        floors = [bound for bound in (low, above) if bound is not None]
        ceilings = [bound for bound in (high, below) if bound is not None]
        gap = 1.0 if whole else 0.5
        if floors and ceilings and not whole:
            gap = min(gap, abs(min(ceilings) - max(floors)) / 4)
        if above is not None:
            low = max(floors) + gap if max(floors) == above else low
        if below is not None:
            high = min(ceilings) - gap if min(ceilings) == below else high
        return low, high, gap

    def _text(self, schema: Schema, name: str, ordinal: int) -> str:
        kind = schema.get("format")
        if isinstance(kind, str) and kind in _FORMATS:
            return _FORMATS[kind]
        lowered = name.lower()
        if lowered in _ASKED and self._question.text:
            text = self._question.shown
        else:
            text = next(self._names, "") or _WELL_KNOWN.get(lowered, f"demo {name.replace('_', ' ')}".strip())
        if ordinal:
            text = f"{text} {ordinal + 1}"
        fewest, most = self._count(schema, "minLength", 0), self._count(schema, "maxLength", LONGEST_TEXT)
        return text.ljust(fewest, ".")[:most]

    def _choice(self, options: list[Any], ordinal: int) -> Any:
        words = self._question.words()
        mentioned = [option for option in options if isinstance(option, str) and option.lower() in words]
        return (mentioned or options)[ordinal % len(mentioned or options)]

    def _bound(self, schema: Schema, name: str) -> float | None:
        value = schema.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refused(f"has a '{name}' that is not a number")
        return max(-_LARGEST, min(_LARGEST, value))

    def _count(self, schema: Schema, name: str, default: int) -> int:
        value = self._bound(schema, name)
        if value is None:
            return default
        if not 0 <= value <= LONGEST_TEXT:
            raise self._refused(f"has a '{name}' that is not between 0 and {LONGEST_TEXT}")
        return int(value)

    def _list(self, schema: Schema, name: str) -> list[Any]:
        value = schema.get(name, [])
        if not isinstance(value, list) or (name in schema and name not in ("required", "prefixItems") and not value):
            raise self._refused(f"has a '{name}' that is empty or not a list")
        return value

    def _mapping(self, schema: object) -> Schema:
        if isinstance(schema, bool):
            return {}
        if not isinstance(schema, Mapping):
            raise self._refused("is not an object, or has a part that is not")
        return schema

    def _refused(self, what: str) -> Refused:
        return Refused(f"Invalid schema for '{self._param}': it {what}.", self._param)
