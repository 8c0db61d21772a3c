"""How gatekeeper itself is judged. Each script has a `main`, and writes benchmarks/results/<name>.json."""
