"""The local cloud's revisions: several bundles served side by side, and traffic between them."""
