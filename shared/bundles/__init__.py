"""Model bundles: what a bundle folder holds, where bundles lie, how they are read, checked and published."""
