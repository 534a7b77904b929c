"""Fuzzing: every parser that meets what strangers send, fed with what comes close to being right.

``targets`` says what is fed and what may come of it, ``inputs`` how an input is made from the corpus, ``search`` looks
for one that breaks a rule. The corpus lies in ``corpus/<target>``; what was found once stays there.
"""
