"""Amazon Bedrock application inference profiles in bulk."""
