"""Fuzz every parser of outside input with files that are nearly valid.

``targets`` names the parsers and their rules, ``inputs`` makes an input from the corpus, ``search`` looks for one that
breaks a rule. The corpus is in ``corpus/<target>``; every finding stays there.
"""
