"""The built-in demo provider: answers without a network, in the shape and at the pace of a real model.

Deterministic: the same request gets the same answer. It speaks OpenAI's dialect to the byte, so everything above it is exercised as
with a real provider: `transport` is what the gateway sends to, `chat`, `completions` and `embeddings` answer one endpoint each.
"""
