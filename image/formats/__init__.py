"""Bytes to image and back, one file a format; no AWS and no operation's formula comes in."""
