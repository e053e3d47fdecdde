"""What use cases share, step by step: context, load, connect, resolve, plan, execute, sum up."""
