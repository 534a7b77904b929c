"""Model bundles: what a bundle folder holds, where bundles are stored, how they are read, checked and published."""
