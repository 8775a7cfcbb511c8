"""What travels: requests, replies and the names of reply queues; nothing here calls AWS."""
