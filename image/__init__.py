"""Images in; processed images out."""

NAMES = {"part": "image", "input_queue": "inbox", "output_queue": "outbox"}
