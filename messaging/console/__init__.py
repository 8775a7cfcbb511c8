"""What people see: options, prompts, exit codes; only the programs import it."""
