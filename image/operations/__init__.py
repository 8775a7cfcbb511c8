"""What can be done to an image: pixels in, pixels out; nothing here knows files or formats."""
