"""The hot core of llm-gateway, usable alone from any Python service."""

__all__ = [
    "__version__",
]

__version__: str
