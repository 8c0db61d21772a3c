"""gatekeeper: may a small student model replace an expensive teacher on one task?"""

__version__ = "0.1.0"
