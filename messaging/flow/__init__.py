"""How work waits and is shared out among threads; no part of it knows what the work is."""
