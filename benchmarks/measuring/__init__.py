"""What `benchmarks/run` and `benchmarks/stream` measure with."""
