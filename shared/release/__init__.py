"""A new model or image takes over step by step: canary, check, promote or roll back."""
