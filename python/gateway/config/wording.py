"""What is wrong with a setting, in words for who wrote it: neither the schema's nor the parser's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCHEMA = {
    "string_type": "must be text; a number needs quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list, such as [a, b]",
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must be a section with settings of its own",
    "model_type": "must be a section with settings of its own",
    "model_attributes_type": "must be a section with settings of its own",
    "path_type": "must be the path of a directory",
    "missing": "missing",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:.15g}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit",
}
"""By pydantic's type of error, with what is in its context."""
_PARSER = {
    "'\\t' that cannot start any token": "indent with spaces, not tabs",
    "cannot start any token": "a value that begins with '@', '`' or '%' must be in quotes",
    "mapping values are not allowed": "a ':' too many, or wrong indentation; put values with ': ' in quotes",
    "undefined alias": "a value that begins with '*' must be in quotes",
    "end of stream": "a quote or bracket is not closed",
    "expected ','": "a bracket is not closed, or a comma is missing",
    "could not find expected ':'": "a ':' is missing",
    "expected <block end>": "wrong indentation, or a bracket too many",
    "escape": "in double quotes, a backslash must be written twice; use single quotes",
    "another document": "only one document is read; leave out the second '---'",
}
"""By what PyYAML's message contains."""


def of_setting(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """What a setting must be instead, from one of pydantic's errors."""
    known = _SCHEMA.get(kind)
    return known.format_map(context) if known else message.removeprefix("Value error, ")


def of_text(problem: str | None) -> str:
    """What to do about a text that PyYAML cannot parse. Nothing of the text is repeated: it may hold secrets."""
    said = problem or ""
    return next((ours for theirs, ours in _PARSER.items() if theirs in said), "check indentation, quotes and brackets")
