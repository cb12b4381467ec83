"""What the gateway does when it is driven hard, or what it stands on fails: minutes, not seconds.

`python -m benches.soak [NAME …]` runs the scenarios of `scenarios` one after the other and prints what each measured beside
the bound that it should keep.
"""
