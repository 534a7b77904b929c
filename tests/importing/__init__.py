"""User models become bundles that serve."""
