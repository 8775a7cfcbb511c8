"""How work queues up and is dispatched to threads; nothing here knows what the work is."""
