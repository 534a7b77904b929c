"""Training: a folder of labelled images becomes a model bundle. Never imported by serving."""
