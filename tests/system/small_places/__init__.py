"""Run the serving process in 256 MiB and a tenth of a CPU, which the kernel enforces where it permits it."""
