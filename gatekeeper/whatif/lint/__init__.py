"""What looks wrong about a worksheet, its models and its benchmarks."""
