"""Gatekeeper beside other tools that ask a model about rows and score the answers. `python -m benchmarks.peers`"""
