"""The worker's half: handles requests, sends replies; it never imports the client's half."""
