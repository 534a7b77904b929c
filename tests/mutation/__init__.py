"""Mutation testing: plant mistakes in the code one at a time, and see which the tests of the first tier notice.

    make mutate [CHAPTER=pipeline] [SAMPLE=20] [AGAIN=1]

``__main__`` tells the story; docs/mutations.md has the figures and what survived.
"""
