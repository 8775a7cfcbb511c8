"""The subjects that `scripts/bench.py` measures, and how it measures and reports them."""
