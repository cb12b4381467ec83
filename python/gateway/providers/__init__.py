"""Dialects: pure translation between OpenAI's wire format and a provider's. No I/O, clock, retry, cost or logging.

A provider that speaks a known dialect is a row of `table.ROWS`; a new dialect is a file beside `openai.py`.
"""
