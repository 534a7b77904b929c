"""Run the commands of docs/deployment.md in a lent Google Cloud project, and write down the result of each."""
