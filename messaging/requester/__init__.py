"""The half that asks; it never imports the half that answers."""
