"""What goes over the wire: requests, replies, names of reply queues; nothing here calls AWS."""
