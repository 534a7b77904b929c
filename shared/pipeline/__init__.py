"""The steps of every image: receive, decode, classify, archive, record, done. Read pipeline.py first."""
