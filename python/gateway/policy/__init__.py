"""Decisions: values and `now` in, values or errors out. No I/O and no clock."""
