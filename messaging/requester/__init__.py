"""The client's half: sends requests, awaits replies; it never imports the worker's half."""
