"""The half that answers; it never imports the half that asks."""
