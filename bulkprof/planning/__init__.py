"""From what is wanted and what is there to what has to be done: observe, diff, safety. Pure but for observe."""
