"""The edge to people: options, prompts, exit codes; nothing but programs imports it."""
