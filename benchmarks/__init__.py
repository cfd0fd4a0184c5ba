"""Commands that measure; each runs from the root of the repository as `python -m benchmarks.NAME`."""
