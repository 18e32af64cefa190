"""dj-stripe's own webhook view in a project of its own; runs in the environment of requirements-bench.txt."""
