"""Small places: the serving process under 256 MiB and a tenth of a CPU, which the kernel enforces where it lets us."""
