"""What a person does to a deployment: label a picture, take results home. Never loaded by a function."""
