"""Models of people's own become bundles that serve."""
