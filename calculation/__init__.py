"""Lists of integers in; their minimum, maximum, median and mean out."""

NAMES = {"part": "calculation", "input_queue": "InputQueue", "output_queue": "OutputQueue"}
