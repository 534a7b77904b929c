"""The images that ``bucketlens demo`` uploads.

They are drawn, since the photographs of a data set do not belong in this repository.
"""
