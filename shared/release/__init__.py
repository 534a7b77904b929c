"""Release a new model or image step by step: canary, check, promote or roll back."""
