"""The hot core of llm-gateway, usable alone from any Python service."""

__version__: str
