"""The images that ``bucketlens demo`` drops: drawn here, since no photograph of a data set belongs in a repository."""
