"""What `scripts/bench.py` measures, one noun a file."""
