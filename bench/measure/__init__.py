"""What the benchmarks share: a load, what it costs, and how that is told."""
