"""Measurements: ratios against what a user would pick instead, taken in one interleaved run."""
