"""Verify: from the store alone, do the verdict and its numbers come out again, and are all bytes what they were?"""
