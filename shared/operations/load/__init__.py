"""The load test of a deployment: the rate that it holds, the cost, and the advised size."""
