"""Benches: every figure in the documentation has one that prints it. Results go to `benches/out/`."""
