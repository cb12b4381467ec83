"""The vocabulary that every layer shares: calls, answers, usage, money. Values only; nothing here does I/O."""
