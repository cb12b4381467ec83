"""The only way out: connections to providers, their pool, their timeouts, and the built-in demo provider."""
