from gateway.config.problem import MOST_PROBLEMS, ConfigError, Problem


def test_a_problem_is_one_printable_line() -> None:
    assert str(Problem(("a", 1, "b"), "wrong", "--port")) == "a.1.b (from --port): wrong"
    assert str(Problem((), "wrong")) == "configuration: wrong"
    assert str(Problem(("x\n\x1b[31m", "\ud800"), "no\r")) == "x\\n\\x1b[31m.\\ud800: no\\r"
    assert len(str(Problem(("x" * 1000,), ""))) < 100


def test_what_follows_from_what() -> None:
    section, value = Problem(("a",), ""), Problem(("a", "b"), "")
    other = Problem(("ab",), "")

    assert value.follows_from(section)
    assert not section.follows_from(value)
    assert section.touches(value)
    assert not other.touches(section)


def test_an_error_is_all_its_problems_within_reason() -> None:
    assert str(ConfigError([Problem(("a",), "b"), "c"])) == "a: b\nc"
    assert len(ConfigError(["x"] * 1000).problems) == MOST_PROBLEMS + 1
