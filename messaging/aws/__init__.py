"""The only door to AWS: every call to boto3 is made here, and its errors are told apart."""
