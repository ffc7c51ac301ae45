"""starfree: a laboratory for one question: what can a sequence model compute?"""

__version__ = "0.1.0"
