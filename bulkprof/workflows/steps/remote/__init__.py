"""What outlives a runner: `[state] s3`, from which the last runs and learned rates come, and to which they go back."""
