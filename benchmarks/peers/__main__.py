"""`python -m benchmarks.peers`"""

from benchmarks.peers.main import main

main()
