"""Answers that need no provider: the exact cache, and calls that share one in flight."""
