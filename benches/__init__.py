<<<<<<< HEAD
"""Benches: every figure in the documentation has one that prints it. Results go to `benches/out/`."""
=======
"""Measurements: ratios against what a user would pick instead, taken in one interleaved run."""
>>>>>>> 878073f (Benches of limits and exact cache beside what one would write in Python)
