"""What `make bench` measures: ratios of two things timed in turn in one run, on whatever machine it runs."""
