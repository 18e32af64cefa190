"""Benchmarks of the paths that users feel, each against a floor and an honest peer. Not imported by the product."""
